//! The code blocks of the README, and what each is for.

/// What is done with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A configuration file: it must load.
    Config,
    /// Run, in order, by one shell; the next block is the answer.
    Run,
    /// For a person, on a machine of their own: it must be shell.
    ByHand,
    /// What the block before it answers, as text.
    Text,
    /// What the block before it answers, as JSON.
    Json,
    /// What the demo prints.
    Demo,
}

/// One code block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    /// The line of its fence, from 1.
    pub(crate) line: usize,
}

/// The blocks of a Markdown text.
///
/// # Panics
/// When a block is of no known kind, or has no end.
pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((n, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let kind = match info {
            "toml" => Kind::Config,
            "sh" => Kind::Run,
            "sh by-hand" => Kind::ByHand,
            "text" => Kind::Text,
            "json" => Kind::Json,
            "text demo" => Kind::Demo,
            other => panic!("line {}: no test knows what to do with a block of kind {other:?}", n + 1),
        };
        let mut text = String::new();
        loop {
            match lines.next() {
                Some((_, "```")) => break,
                Some((_, line)) => text.extend([line, "\n"]),
                None => panic!("line {}: the block has no end", n + 1),
            }
        }
        blocks.push(Block { kind, text, line: n + 1 });
    }
    blocks
}

/// Every command with the answer that is shown for it.
pub(crate) fn steps(blocks: &[Block]) -> Vec<(Block, Block)> {
    let answered = |n: usize, block: &Block| match blocks.get(n + 1) {
        Some(answer) if matches!(answer.kind, Kind::Text | Kind::Json) => (block.clone(), answer.clone()),
        _ => panic!("line {}: no answer is shown for this", block.line),
    };
    blocks
        .iter()
        .enumerate()
        .filter(|(_, block)| block.kind == Kind::Run)
        .map(|(n, block)| answered(n, block))
        .collect()
}
