//! One shell that runs block after block, as a reader would in one terminal.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::support::soon;

/// Printed after each block.
const END: &str = "---- the block has ended ----";

/// A shell that waits for commands.
pub(crate) struct Shell {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// What `smsotpd` is given for the reader, whose configuration lies where it belongs.
    given: String,
    _child: Child,
}

impl Shell {
    /// A shell in which `smsotpd` is the program under test, with this configuration.
    pub(crate) fn new(folder: &Path, config: &Path) -> Self {
        let program =
            format!("#!/bin/sh\nexec '{}' \"$@\" --config '{}'\n", env!("CARGO_BIN_EXE_smsotpd"), config.display());
        let bin = folder.join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("smsotpd"), program).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(bin.join("smsotpd"), executable).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut child = Command::new("sh")
            .current_dir(folder)
            .env("PATH", path)
            .env_remove("SMSOTPD_KEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let given = format!(" --config {}", config.display());
        Self { input, output: BufReader::new(output).lines(), given, _child: child }
    }

    /// What the commands print, on both channels, as the reader sees it.
    pub(crate) async fn run(&mut self, commands: &str) -> String {
        let script = format!("{{\n{commands}\n}} </dev/null 2>&1\necho; echo '{END}'\n");
        self.input.write_all(script.as_bytes()).await.unwrap();
        let mut said = String::new();
        soon("the commands to end", async {
            loop {
                let line = self.output.next_line().await.unwrap().expect("the shell lives");
                if line == END {
                    return;
                }
                said.extend([line.as_str(), "\n"]);
            }
        })
        .await;
        said.replace(&self.given, "")
    }
}
