//! `smsotpd template`: what a message will say, and what it will cost, before anybody gets it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;
use serde_json::{Value, json};

use super::output::{self, say};
use crate::config::Config;
use crate::issue::Policy;
use crate::otp::Alphabet;
use crate::pdu::{Encoding, Measure};
use crate::phone::PhoneNumber;
use crate::secret::{Code, Text};
use crate::template::{AppHash, Domain, Locale, Template, built_in};
use crate::wording::{GivenUp, Source, TooLong, Wish, WordingError, Written};

const EXAMPLES: &str = "\
Examples:
  smsotpd template preview --to +4915112345678
  smsotpd template preview --locale pt-BR --brand Shop
  smsotpd template preview --all --brand Shop --price 0.08
  smsotpd template preview --template '{code} – your code for {brand}' --domain shop.example.com";

const ABOUT_PREVIEW: &str = "\
What people get is decided in this order: the language that is asked for, else by the policy the language of the \
     recipient's country or its own; in it one of the policy's `templates`; else the policy's `template`; else a text \
     of smsotpd's own, which leaves the brand out, or is in English, where the message would not fit one SMS.

The exit code is 0 if the message can be sent, 1 if it would be refused, 78 if the configuration is wrong.";

/// `smsotpd template`
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show a message with a made-up code: its text, alphabet, length and cost
    #[command(after_help = format!("{EXAMPLES}\n\n{ABOUT_PREVIEW}"))]
    Preview(Box<Preview>),
}

#[derive(Debug, clap::Args)]
struct Preview {
    /// The policy, by name
    #[arg(long, value_name = "NAME", default_value = "default")]
    policy: String,
    /// The language, for instance de, de-AT or pt-BR
    #[arg(long, value_name = "LANGUAGE", conflicts_with = "all")]
    locale: Option<Locale>,
    /// Every language that there is a text in
    #[arg(long)]
    all: bool,
    /// A number, whose country decides the language
    #[arg(long, value_name = "NUMBER", value_parser = PhoneNumber::parse, conflicts_with = "all")]
    to: Option<PhoneNumber>,
    /// Another brand than the policy's
    #[arg(long)]
    brand: Option<String>,
    /// Another text than the policy's; {code} must be in it
    #[arg(long, value_name = "TEXT")]
    template: Option<Template>,
    /// The host that browsers fill the code in on
    #[arg(long, value_name = "HOST")]
    domain: Option<Domain>,
    /// The Android app that is given the message
    #[arg(long, value_name = "HASH")]
    app_hash: Option<AppHash>,
    /// What one SMS costs, in any currency
    #[arg(long, value_parser = price)]
    price: Option<f64>,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
    /// The file [default: /etc/smsotpd/smsotpd.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Action::Preview(preview) = args.action;
    let policy = preview.policy()?;
    let shown: Vec<Shown> = preview.locales(&policy).into_iter().map(|locale| preview.show(&policy, locale)).collect();
    // What a request could make of it, and only the configuration knows.
    let shows_why = shown.iter().any(|shown| shown.outcome.is_err());
    let problem = policy.check().err().filter(|_| !shows_why).map(|error| format!("{}: {error}", error.key()));
    if preview.json {
        let texts: Vec<Value> = shown.iter().map(|shown| preview.as_json(shown)).collect();
        output::json(&json!({"texts": texts, "problem": problem}))?;
    } else {
        for (at, shown) in shown.iter().enumerate() {
            if at > 0 {
                say!()?;
            }
            preview.print(shown)?;
        }
        if let Some(problem) = &problem {
            say!()?;
            say!("refused: {problem}")?;
        }
    }
    let can_be_sent = problem.is_none() && !shows_why;
    Ok(if can_be_sent { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A message, or why there is none.
struct Shown {
    /// The language that was asked for.
    locale: Option<Locale>,
    outcome: Result<Message, WordingError>,
}

struct Message {
    text: Text,
    measure: Measure,
    /// Where the words come from, for people and for scripts.
    words: String,
    source: &'static str,
    spoken: Option<String>,
    given_up: Option<&'static str>,
}

impl Preview {
    /// The policy as it would be with what the command line says.
    fn policy(&self) -> anyhow::Result<Policy> {
        let mut config = Config::load(self.config.as_deref())?;
        let Some(mut policy) = config.policy.remove(&self.policy) else {
            let known: Vec<String> = config.policy.keys().map(|name| format!("`{name}`")).collect();
            bail!("there is no policy `{}`; there are {}", self.policy, known.join(", "));
        };
        if let Some(brand) = &self.brand {
            policy.brand.clone_from(brand);
        }
        if self.template.is_some() {
            policy.template.clone_from(&self.template);
            policy.templates.clear();
        }
        policy.domain = self.domain.clone().or(policy.domain);
        policy.app_hash = self.app_hash.clone().or(policy.app_hash);
        Ok(policy)
    }

    /// The languages to be shown.
    fn locales(&self, policy: &Policy) -> Vec<Option<Locale>> {
        let same_for_all = policy.template.is_some() && policy.templates.is_empty();
        if !self.all || same_for_all {
            return vec![self.locale.clone()];
        }
        let own = built_in().filter_map(|(tag, _)| tag.parse().ok());
        let all: BTreeSet<Locale> = policy.templates.keys().cloned().chain(own).collect();
        all.into_iter().map(Some).collect()
    }

    fn show(&self, policy: &Policy, locale: Option<Locale>) -> Shown {
        let wish = Wish {
            locale: locale.clone(),
            payee: Some(Text::new("Example Ltd".to_owned())),
            amount: Some(Text::new("9.50 EUR".to_owned())),
            ..Wish::default()
        };
        let minutes = policy.lifetime_seconds.get().div_ceil(60);
        let written = policy.style().write(&wish, self.to.as_ref(), &made_up(policy), minutes);
        let mut outcome = written.map(Message::from);
        if let (Some(_), Ok(message)) = (&self.template, &mut outcome) {
            "those after --template".clone_into(&mut message.words);
        }
        Shown { locale, outcome }
    }

    fn print(&self, Shown { locale, outcome }: &Shown) -> anyhow::Result<()> {
        if let (true, Some(locale)) = (self.all, locale) {
            say!("[{locale}]")?;
        }
        let measure = match outcome {
            Ok(message) => {
                say!("{}", message.text.expose())?;
                say!("  words     {}", message.words)?;
                &message.measure
            }
            Err(WordingError::TooLong(TooLong { measure, .. })) => measure,
            Err(problem) => return say!("refused: {problem}"),
        };
        say!("  alphabet  {}", alphabet(measure))?;
        say!("  size      {}", size(measure))?;
        say!("  cost      {}", self.cost(measure))?;
        if let Err(problem) = outcome {
            say!("refused: {problem}")?;
        }
        Ok(())
    }

    fn cost(&self, measure: &Measure) -> String {
        match self.price {
            Some(price) => format!("{} SMS, {}", measure.parts, times(measure.parts, price)),
            None => format!("{} SMS", measure.parts),
        }
    }

    fn as_json(&self, Shown { locale, outcome }: &Shown) -> Value {
        let mut object = json!({"asked_for": locale.as_ref().map(Locale::as_str), "problem": null});
        let measure = match outcome {
            Ok(message) => {
                object["text"] = message.text.expose().into();
                object["source"] = message.source.into();
                object["locale"] = message.spoken.clone().into();
                object["given_up"] = message.given_up.into();
                Some(&message.measure)
            }
            Err(problem) => {
                object["problem"] = problem.to_string().into();
                match problem {
                    WordingError::TooLong(TooLong { measure, .. }) => Some(measure),
                    _ => None,
                }
            }
        };
        if let Some(measure) = measure {
            object["encoding"] = measure.encoding.as_str().into();
            object["characters"] = measure.characters.into();
            object["units"] = measure.units.into();
            object["parts"] = measure.parts.into();
            object["forced_by"] = measure.forced_by.map(String::from).into();
            object["price"] = self.price.map(|price| times(measure.parts, price)).into();
        }
        object
    }
}

impl From<Written<'_>> for Message {
    fn from(Written { text, measure, source }: Written<'_>) -> Self {
        let (words, name, spoken, given_up) = match source {
            Source::Request => ("the request's".to_owned(), "request", None, None),
            Source::Template => ("`template` of the policy".to_owned(), "template", None, None),
            Source::Variant(tag) => (format!("`templates.{tag}` of the policy"), "variant", Some(tag.to_owned()), None),
            Source::BuiltIn { locale, given_up } => {
                let (note, name) = match given_up {
                    GivenUp::Nothing => ("", None),
                    GivenUp::Brand => (", without the brand, which has no room", Some("brand")),
                    GivenUp::Language => (" in place of a text that has no room", Some("language")),
                };
                (format!("smsotpd's own, {locale}{note}"), "built_in", Some(locale.to_owned()), name)
            }
        };
        Self { text, measure, words, source: name, spoken, given_up }
    }
}

/// A code as the policy has them, that nobody will take for a real one.
fn made_up(policy: &Policy) -> Code {
    let characters = match policy.alphabet {
        Alphabet::Digits => "1234567890",
        Alphabet::Letters => "KCXMRTDFGH",
        Alphabet::Alphanumeric => "K7CX4M9RT2",
    };
    Code::new(characters[..usize::from(policy.length.get())].to_owned())
}

fn alphabet(measure: &Measure) -> String {
    match measure.forced_by.filter(|_| measure.encoding == Encoding::Ucs2) {
        Some(c) => format!("ucs2, since {c:?} (U+{:04X}) is not in the GSM 7-bit alphabet", u32::from(c)),
        None => measure.encoding.as_str().to_owned(),
    }
}

fn size(measure: &Measure) -> String {
    let unit = if measure.encoding == Encoding::Ucs2 { "characters" } else { "septets" };
    format!("{} of the {} {unit} of one SMS", measure.units, measure.most)
}

fn price(text: &str) -> Result<f64, String> {
    let price = text.parse().ok().filter(|price: &f64| price.is_finite() && *price >= 0.0);
    price.ok_or_else(|| "write a number from 0 on, for example 0.08".to_owned())
}

/// The price of so many SMS, without the crumbs of binary fractions.
fn times(parts: usize, price: f64) -> f64 {
    // At most 255 parts.
    (price * parts as f64 * 1e6).round() / 1e6
}
