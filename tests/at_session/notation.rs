//! How dialogues write down what a session gives: `>` octets to write, `=` everything else.

use smsotpd::at::{CommandError, Delivery, Output, Unsolicited};

pub(crate) fn shown(output: &Output) -> String {
    match output {
        Output::Write(octets) => format!("> {}", escape(octets)),
        Output::Awake => "= awake".to_owned(),
        Output::Deaf => "= deaf".to_owned(),
        Output::Finished(Ok(reply)) => {
            let messages: Vec<_> = reply.messages().map(|stored| stored.payload.expose().to_owned()).collect();
            format!(
                "= finished {}",
                [&[reply.text().unwrap_or("ok").to_owned()], messages.as_slice()].concat().join(" ")
            )
        }
        Output::Finished(Err(CommandError::Refused(refusal))) => format!("= refused {refusal}"),
        Output::Finished(Err(CommandError::TimedOut)) => "= timed out".to_owned(),
        Output::Settled(Delivery::Sent(reference)) => format!("= sent {reference}"),
        Output::Settled(Delivery::Refused(refusal)) => format!("= not sent {refusal}"),
        Output::Settled(Delivery::NotSent) => "= not sent".to_owned(),
        Output::Settled(Delivery::NotTaken(refusal)) => format!("= not taken {refusal}"),
        Output::Settled(Delivery::InDoubt(_)) => "= in doubt".to_owned(),
        Output::SentAfterAll(reference) => format!("= sent after all {reference}"),
        Output::Unsolicited(Unsolicited::StatusReport(payload)) => format!("= report {}", payload.expose()),
        Output::Unsolicited(Unsolicited::StatusReportStored(place)) => {
            format!("= report in {} {}", place.storage, place.index)
        }
        Output::Unsolicited(Unsolicited::Message(payload)) => format!("= message {}", payload.expose()),
        Output::Unsolicited(Unsolicited::MessageStored(place)) => {
            format!("= message in {} {}", place.storage, place.index)
        }
        Output::Unsolicited(Unsolicited::Registration(_, status)) => format!("= registration {status}"),
        Output::Unsolicited(Unsolicited::SimState(state)) => format!("= sim {state}"),
        Output::Unsolicited(Unsolicited::Ussd(said)) => {
            format!("= ussd {} {}", said.state, said.text.as_ref().map_or("", |text| text.as_str()))
        }
        Output::Unsolicited(Unsolicited::Boot) => "= restarted".to_owned(),
        Output::Unsolicited(Unsolicited::Ready) => "= look again".to_owned(),
        Output::Unsolicited(Unsolicited::StorageFull(name)) => {
            format!("= full {}", name.as_deref().unwrap_or("somewhere"))
        }
        Output::Unsolicited(Unsolicited::Call(begins)) => format!("= call {}", if *begins { "begins" } else { "over" }),
        Output::Unsolicited(Unsolicited::WeakPower) => "= weak power".to_owned(),
    }
}

fn escape(octets: &[u8]) -> String {
    let escaped = octets.iter().map(|octet| match octet {
        b'\r' => "\\r".to_owned(),
        b'\n' => "\\n".to_owned(),
        0x20..=0x7e => char::from(*octet).to_string(),
        other => format!("\\x{other:02x}"),
    });
    escaped.collect()
}

pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(tail) = rest.strip_prefix("\\x") {
            octets.push(u8::from_str_radix(&tail[..2], 16).unwrap());
            rest = &tail[2..];
        } else if let Some(tail) = rest.strip_prefix('\\') {
            octets.push(match &tail[..1] {
                "r" => b'\r',
                "n" => b'\n',
                other => panic!("`\\{other}` is no escape"),
            });
            rest = &tail[1..];
        } else {
            octets.push(u8::try_from(c).unwrap());
            rest = &rest[1..];
        }
    }
    octets
}
