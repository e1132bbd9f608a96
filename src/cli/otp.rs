//! `smsotpd otp`: issue, check, look at, resend and withdraw codes through the running daemon.

use std::process::ExitCode;

use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};

use super::client::Connection;
use super::failure::Failure;
use super::output::{self, say};
use crate::ids::OtpId;

const EXAMPLES: &str = "\
Examples:
  smsotpd otp issue +15551234567
  smsotpd otp issue +15551234567 --purpose login --ttl 120
  smsotpd otp verify otp_0190... 123456      exit code 0 only if it is right
  smsotpd otp issue +15551234567 --context payee=Bakery --context 'amount=12.00 EUR'
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
        /// The number with its country code, for example +15551234567, or as the policy of the key's app lets it be written
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
        /// What the code is bound to; give it once for each key
        #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
        context: Vec<(String, String)>,
        /// A code of your own, if the app's policy allows it; other users of this machine may see it while this runs
        #[arg(long)]
        code: Option<String>,
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
        id: OtpId,
        /// What was typed
        code: String,
        /// What it is given for: the same as when it was issued
        #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
        context: Vec<(String, String)>,
        /// The purpose it is given for, to be compared with the one it was issued for
        #[arg(long)]
        purpose: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Have an otp verified without a code, if the app's policy allows it
    #[command(
        after_help = "Example:\n  smsotpd otp approve otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a\n\nThe exit code is 0 only if it was pending."
    )]
    Approve {
        /// The id that `issue` printed
        id: OtpId,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show where an otp and its message are
    #[command(after_help = "Example:\n  smsotpd otp show otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a")]
    Show {
        /// The id that `issue` printed
        id: OtpId,
        #[command(flatten)]
        connection: Connection,
    },
    /// Send the code once more
    #[command(after_help = "Example:\n  smsotpd otp resend otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a")]
    Resend {
        /// The id that `issue` printed
        id: OtpId,
        #[command(flatten)]
        connection: Connection,
    },
    /// Withdraw a code: it verifies nothing any more
    #[command(after_help = "Example:\n  smsotpd otp cancel otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a")]
    Cancel {
        /// The id that `issue` printed
        id: OtpId,
        #[command(flatten)]
        connection: Connection,
    },
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Issue { to, purpose, ttl, length, locale, context, code, connection } => {
            let mut body = json!({ "to": to });
            for (field, value) in [
                ("purpose", purpose.map(Value::from)),
                ("ttl_seconds", ttl.map(Value::from)),
                ("length", length.map(Value::from)),
                ("code", code.map(Value::from)),
                ("context", object(context)?),
                ("locale", locale.map(Value::from)),
            ] {
                if let Some(value) = value {
                    body[field] = value;
                }
            }
            show(&connection, &connection.request(Method::POST, "/v1/otp", Some(body)).await?)
        }
        Action::Verify { id, code, context, purpose, connection } => {
            let path = format!("/v1/otp/{id}/verify");
            let mut body = json!({ "code": code });
            for (field, value) in [("context", object(context)?), ("purpose", purpose.map(Value::from))] {
                if let Some(value) = value {
                    body[field] = value;
                }
            }
            verdict(&connection, &connection.request(Method::POST, &path, Some(body)).await?)
        }
        Action::Approve { id, connection } => {
            let path = format!("/v1/otp/{id}/approve");
            verdict(&connection, &connection.request(Method::POST, &path, None).await?)
        }
        Action::Show { id, connection } => {
            let path = format!("/v1/otp/{id}");
            show(&connection, &connection.request(Method::GET, &path, None).await?)
        }
        Action::Resend { id, connection } => {
            let path = format!("/v1/otp/{id}/resend");
            show(&connection, &connection.request(Method::POST, &path, None).await?)
        }
        Action::Cancel { id, connection } => {
            let path = format!("/v1/otp/{id}");
            show(&connection, &connection.request(Method::DELETE, &path, None).await?)
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// The object that these keys and values are; `None` when there are none.
fn object(pairs: Vec<(String, String)>) -> Result<Option<Value>, Failure> {
    let mut object = serde_json::Map::new();
    for (key, value) in pairs {
        if object.contains_key(&key) {
            return Err(Failure::Usage(format!("--context has the key {key:?} twice")));
        }
        object.insert(key, value.into());
    }
    Ok((!object.is_empty()).then_some(Value::Object(object)))
}

fn show(connection: &Connection, answer: &Value) -> anyhow::Result<ExitCode> {
    if connection.json {
        output::json(answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
    say!("{}", text("/id"))?;
    say!("  to        {}", text("/to"))?;
    let latency = answer.pointer("/message/latency_ms").and_then(Value::as_u64);
    let took = latency.map(|millis| format!(" after {}.{} s", millis / 1000, millis / 100 % 10)).unwrap_or_default();
    let reason = answer.pointer("/message/reason").and_then(Value::as_str);
    let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    say!("  message   {}{took}{why}", text("/message/status").replace('_', " "))?;
    let status = text("/status");
    if status != "pending" {
        say!("  code      {status}")?;
        return Ok(ExitCode::SUCCESS);
    }
    say!("  code      pending until {}", text("/expires_at"))?;
    say!("  resend    from {} on", text("/resend_at"))?;
    say!("  guesses   {} left", answer.get("attempts_left").and_then(Value::as_u64).unwrap_or(0))?;
    Ok(ExitCode::SUCCESS)
}

fn verdict(connection: &Connection, answer: &Value) -> anyhow::Result<ExitCode> {
    let verified = answer.get("verified").and_then(Value::as_bool) == Some(true);
    if connection.json {
        output::json(answer)?;
    } else if verified {
        say!("verified")?;
    } else {
        say!("not verified: {}", why_not(answer))?;
    }
    Ok(if verified { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why a code was not verified, in words. How many guesses are left matters only while one more can help.
pub(super) fn why_not(verdict: &Value) -> String {
    let reason = verdict.get("reason").and_then(Value::as_str).unwrap_or("unknown");
    let words = reason.replace('_', " ");
    let is_guess = matches!(reason, "wrong_code" | "wrong_context");
    match verdict.get("attempts_left").and_then(Value::as_u64) {
        Some(1) if is_guess => format!("{words}, 1 guess left"),
        Some(left) if is_guess => format!("{words}, {left} guesses left"),
        _ => words,
    }
}
