//! The arguments, and which command they mean.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{app, audit, config, demo, failure, otp, send, serve, sim, template};

const AFTER_HELP: &str = "\
First steps:
  smsotpd demo                       try it all without a modem
  smsotpd serve                      run the daemon
  smsotpd app create shop            make a key for an app (shown once)
  export SMSOTPD_KEY=...             what `otp` and `send` use
  smsotpd otp issue +15551234567     send a code
  smsotpd otp verify otp_... 123456  check it";

/// One-time codes by SMS through your own modem.
#[derive(Debug, Parser)]
#[command(name = "smsotpd", version, about, after_help = AFTER_HELP, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Serve(serve::Args),
    /// Try everything with a simulated modem, carrier and phone in one process
    Demo(demo::Args),
    /// Run only a simulated modem, on a pseudo-terminal
    Sim(sim::Args),
    /// Issue, check and withdraw codes through the running daemon
    Otp(otp::Args),
    /// Send a message of your own words through the running daemon
    Send(send::Args),
    /// The apps that may use the API, and their keys
    App(app::Args),
    /// See what a message will say and cost, in any language
    Template(template::Args),
    /// What happened: codes, messages, keys, modems, refusals
    Audit(audit::Args),
    /// Check and explain the configuration
    Config(config::Args),
}

/// Runs the command that these arguments mean and returns the exit code of the process.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(usage) => {
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    match execute(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "smsotpd: {error:#}");
            failure::exit_code(&error)
        }
    }
}

#[tokio::main]
async fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Sim(args) => sim::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Otp(args) => otp::run(args).await,
        Command::Send(args) => send::run(args).await,
        Command::App(args) => app::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Template(args) => template::run(args),
        Command::Audit(args) => audit::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Config(args) => config::run(&args).map(|()| ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_hang_together() {
        Arguments::command().debug_assert();
    }
}
