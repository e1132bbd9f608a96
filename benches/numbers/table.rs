//! The table: what is measured, what is to be reached, what it was here.

/// One line of the table.
pub(crate) struct Row {
    what: String,
    reach: String,
    measured: String,
    reached: Option<bool>,
}

impl Row {
    /// A number with a mark to reach.
    pub(crate) fn new(what: impl Into<String>, reach: &str, measured: String, reached: bool) -> Self {
        Self { what: what.into(), reach: reach.to_owned(), measured, reached: Some(reached) }
    }

    /// A number that explains another one.
    pub(crate) fn aside(what: impl Into<String>, measured: String) -> Self {
        Self { what: what.into(), reach: String::new(), measured, reached: None }
    }

    pub(crate) fn print(&self) {
        line(&self.what, &self.reach, &self.measured, self.reached.map_or("", |yes| if yes { "yes" } else { "NO" }));
    }
}

pub(crate) fn heading() {
    line("what", "reach", "here", "reached");
    line(&"-".repeat(66), &"-".repeat(18), &"-".repeat(40), "-------");
}

fn line(what: &str, reach: &str, measured: &str, reached: &str) {
    println!("| {what:<66} | {reach:<18} | {measured:<40} | {reached:<7} |");
}
