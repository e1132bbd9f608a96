//! `smsotpd otp`: issue, check, look at, resend and withdraw codes through the running daemon.

use std::process::ExitCode;

use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};

use super::client::Connection;
use super::output::{self, say};

const EXAMPLES: &str = "\
Examples:
  smsotpd otp issue +15551234567
  smsotpd otp issue +15551234567 --purpose login --ttl 120
  smsotpd otp verify otp_0190... 123456      exit code 0 only if it is right
  smsotpd otp show otp_0190...";

/// `smsotpd otp`
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send a new code to a number
    #[command(after_help = "Example:\n  smsotpd otp issue +15551234567 --purpose login --ttl 120")]
    Issue {
        /// The number with its country code, for example +15551234567
        to: String,
        /// What the code is for; a code for one purpose does not verify another
        #[arg(long)]
        purpose: Option<String>,
        /// How long the code lives, in seconds [default: the policy's, 300]
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<u64>,
        /// How many characters the code has, 4 to 10 [default: the policy's, 6]
        #[arg(long)]
        length: Option<u8>,
        /// The language of the message, for instance de or pt-BR [default: that of the number's country]
        #[arg(long, value_name = "LANGUAGE")]
        locale: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Check a code that somebody typed
    #[command(
        after_help = "Example:\n  smsotpd otp verify otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a 123456\n\nThe exit code is 0 only if the code is right."
    )]
    Verify {
        /// The id that `issue` printed
        id: String,
        /// What was typed
        code: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show where an otp and its message are
    #[command(after_help = "Example:\n  smsotpd otp show otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a")]
    Show {
        /// The id that `issue` printed
        id: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Send the code once more
    #[command(after_help = "Example:\n  smsotpd otp resend otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a")]
    Resend {
        /// The id that `issue` printed
        id: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Withdraw a code: it verifies nothing any more
    #[command(after_help = "Example:\n  smsotpd otp cancel otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a")]
    Cancel {
        /// The id that `issue` printed
        id: String,
        #[command(flatten)]
        connection: Connection,
    },
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Issue { to, purpose, ttl, length, locale, connection } => {
            let mut body = json!({ "to": to });
            for (field, value) in [
                ("purpose", purpose.map(Value::from)),
                ("ttl_seconds", ttl.map(Value::from)),
                ("length", length.map(Value::from)),
                ("locale", locale.map(Value::from)),
            ] {
                if let Some(value) = value {
                    body[field] = value;
                }
            }
            show(&connection, &connection.request(Method::POST, "/v1/otp", Some(body)).await?)
        }
        Action::Verify { id, code, connection } => {
            let path = format!("/v1/otp/{}/verify", segment(&id)?);
            let answer = connection.request(Method::POST, &path, Some(json!({ "code": code }))).await?;
            verdict(&connection, &answer)
        }
        Action::Show { id, connection } => {
            let path = format!("/v1/otp/{}", segment(&id)?);
            show(&connection, &connection.request(Method::GET, &path, None).await?)
        }
        Action::Resend { id, connection } => {
            let path = format!("/v1/otp/{}/resend", segment(&id)?);
            show(&connection, &connection.request(Method::POST, &path, None).await?)
        }
        Action::Cancel { id, connection } => {
            let path = format!("/v1/otp/{}", segment(&id)?);
            show(&connection, &connection.request(Method::DELETE, &path, None).await?)
        }
    }
}

/// An id goes into the request's path, so it is checked before it can turn into another path.
fn segment(id: &str) -> anyhow::Result<crate::ids::OtpId> {
    id.parse().map_err(|error| anyhow::anyhow!("{id:?} is not the id of an otp: {error}"))
}

fn show(connection: &Connection, answer: &Value) -> anyhow::Result<ExitCode> {
    if connection.json {
        output::json(answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
    say!("{}", text("/id"));
    say!("  to        {}", text("/to"));
    say!("  message   {}", text("/message/status").replace('_', " "));
    let status = text("/status");
    if status != "pending" {
        say!("  code      {status}");
        return Ok(ExitCode::SUCCESS);
    }
    say!("  code      pending until {}", text("/expires_at"));
    say!("  resend    from {} on", text("/resend_at"));
    say!("  guesses   {} left", answer.get("attempts_left").and_then(Value::as_u64).unwrap_or(0));
    Ok(ExitCode::SUCCESS)
}

fn verdict(connection: &Connection, answer: &Value) -> anyhow::Result<ExitCode> {
    let verified = answer.get("verified").and_then(Value::as_bool) == Some(true);
    if connection.json {
        output::json(answer)?;
    } else if verified {
        say!("verified");
    } else {
        say!("not verified: {}", why_not(answer));
    }
    Ok(if verified { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why a code was not verified, in words. How many guesses are left matters only while one more can help.
pub(super) fn why_not(verdict: &Value) -> String {
    let reason = verdict.get("reason").and_then(Value::as_str).unwrap_or("unknown");
    let words = reason.replace('_', " ");
    match verdict.get("attempts_left").and_then(Value::as_u64) {
        Some(1) if reason == "wrong_code" => format!("{words}, 1 guess left"),
        Some(left) if reason == "wrong_code" => format!("{words}, {left} guesses left"),
        _ => words,
    }
}
