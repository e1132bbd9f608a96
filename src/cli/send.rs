//! `smsotpd send`: a message of the caller's own words, through the running daemon.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;
use hyper::Method;
use serde_json::{Value, json};

use super::client::Connection;
use super::failure::Failure;
use super::output::{self, say};

const EXAMPLES: &str = "\
Examples:
  smsotpd send +15551234567 'The cold store is at 9 degrees.'
  uptime | smsotpd send +15551234567 -";

/// `smsotpd send`
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The number with its country code, for example +15551234567, or as the policy of the key's app lets it be written
    to: String,
    /// The text; `-` reads it from standard input, which a single word that begins with `-` must come from
    #[arg(allow_hyphen_values = true)]
    text: String,
    /// Who goes first when messages wait [default: transactional]
    #[arg(long, value_parser = ["transactional", "bulk"])]
    priority: Option<String>,
    /// Give up when it could not be sent within this time, in seconds [default: 86400]
    #[arg(long, value_name = "SECONDS")]
    deadline: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.text.len() > 1 && args.text.starts_with('-') && !args.text.contains(char::is_whitespace) {
        let saying = "a word that begins with `-` looks like a mistyped option; as a text, pipe it in: echo ... | smsotpd \
                      send NUMBER -";
        return Err(Failure::Usage(saying.to_owned()).into());
    }
    let text = if args.text == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input is not text in UTF-8")?;
        text.trim_end().to_owned()
    } else {
        args.text
    };
    let mut body = json!({ "to": args.to, "text": text });
    if let Some(priority) = args.priority {
        body["priority"] = priority.into();
    }
    if let Some(deadline) = args.deadline {
        body["deadline_seconds"] = deadline.into();
    }
    let answer = args.connection.request(Method::POST, "/v1/messages", Some(body)).await?;
    if args.connection.json {
        output::json(&answer)?;
    } else {
        let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or("?").to_owned();
        let parts = answer.get("parts").and_then(Value::as_u64).unwrap_or(0);
        say!("{}", text("id"))?;
        say!("  to        {}", text("to"))?;
        say!("  message   {}", text("status"))?;
        say!("  size      {parts} SMS, {}", text("encoding"))?;
    }
    Ok(ExitCode::SUCCESS)
}
