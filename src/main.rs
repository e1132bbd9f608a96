//! The `smsotpd` command: hands its arguments to [`smsotpd::cli`] and leaves with the exit code that comes back.

use std::process::ExitCode;

fn main() -> ExitCode {
    smsotpd::cli::run(std::env::args_os())
}
