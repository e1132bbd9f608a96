//! The README, word by word where a machine can read it: its code blocks are run, its configurations are loaded, its
//! tables are compared with the program.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed, as it should")]

mod blocks;
mod shape;
mod shell;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use blocks::{Block, Kind, blocks, steps};
use rustix::process::Signal;
use shape::Learned;
use shell::Shell;
use smsotpd::config::Config;
use smsotpd::sim::CarrierSettings;
use support::{Site, code_in, soon};
use tokio::io::{AsyncBufReadExt as _, BufReader};

const README: &str = include_str!("../../README.md");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The codes that are shown, and the phones they come to.
const CODES: [(&str, &str); 3] = [("462673", "+15550100123"), ("702915", "+15550100124"), ("318842", "+15550100131")];

fn of_kind(kind: Kind) -> Vec<Block> {
    blocks(README).into_iter().filter(|block| block.kind == kind).collect()
}

#[test]
fn every_block_is_of_a_kind_that_is_tried_here() {
    let count = |kind| of_kind(kind).len();
    assert!(count(Kind::Config) > 2 && count(Kind::ByHand) > 5 && count(Kind::Demo) == 1);
    assert_eq!(count(Kind::Run), count(Kind::Text) + count(Kind::Json), "each answer belongs to a command");
    assert_eq!(steps(&blocks(README)).len(), count(Kind::Run));
}

#[tokio::test]
async fn every_shell_block_is_shell() {
    for block in of_kind(Kind::ByHand).into_iter().chain(of_kind(Kind::Run)) {
        let output = tokio::process::Command::new("sh").args(["-n", "-c", &block.text]).output().await.unwrap();
        assert!(output.status.success(), "line {}: {}", block.line, String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_configuration_loads_and_sets_nothing_but_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smsotpd.toml");
    for block in of_kind(Kind::Config) {
        std::fs::write(&path, &block.text).unwrap();
        let config = Config::load(Some(&path)).unwrap_or_else(|fault| panic!("line {}: {fault}", block.line));
        let shown = flat("", &block.text.parse().unwrap());
        let defaults = flat("", &toml::Table::try_from(Config::default()).unwrap());
        for (key, value) in flat("", &toml::Table::try_from(config).unwrap()) {
            // A policy of another name has the same defaults.
            let default = defaults.get(&key.replace("policy.staff.", "policy.default."));
            let expected = shown.get(&key).or(default).cloned();
            let of_modem = [(".baud", "115200"), (".roaming", "true")].into_iter().find(|(end, _)| key.ends_with(end));
            let expected = expected.or(of_modem.map(|(_, default)| default.to_owned()));
            assert_eq!(Some(value), expected, "line {}: {key}", block.line);
        }
    }
}

/// Every value of a table under its whole key, as TOML.
fn flat(prefix: &str, table: &toml::Table) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            toml::Value::Table(table) => all.extend(flat(&format!("{key}."), table)),
            toml::Value::Array(tables) if tables.iter().any(toml::Value::is_table) => {
                let tables = tables.iter().filter_map(toml::Value::as_table).enumerate();
                all.extend(tables.flat_map(|(n, table)| flat(&format!("{key}[{n}]."), table)));
            }
            value => _ = all.insert(key, value.to_string()),
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn its_commands_answer_as_shown() {
    run_steps(|block| !block.text.contains("curl ")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl"]
async fn its_requests_are_answered_as_shown() {
    run_steps(|_| true).await;
}

/// Runs the blocks in order against a site, and compares every answer with the one that is shown.
async fn run_steps(wanted: impl Fn(&Block) -> bool) {
    let at_once = Duration::from_millis(20);
    let site =
        Site::new(CarrierSettings { submit_time: at_once, delivery_time: at_once, ..CarrierSettings::default() });
    let config = site.configure("[policy.default]\nbrand = \"Shop\"");
    let daemon = site.serve().await;
    daemon.until_ready().await;
    let mut learned = Learned::default();
    learned.learn("127.0.0.1:8687", &site.address().await).unwrap();
    learned.learn("/run/smsotpd/api.sock", site.socket().to_str().unwrap()).unwrap();
    let mut shell = Shell::new(site.folder.path(), &config);
    for (commands, answer) in steps(&blocks(README)).into_iter().filter(|(commands, _)| wanted(commands)) {
        for (code, number) in CODES.into_iter().filter(|(code, _)| commands.text.contains(code)) {
            let received = soon("the code on the phone", site.handset(number).next()).await;
            learned.learn(code, &code_in(received.text.expose())).unwrap();
        }
        let compare = if answer.kind == Kind::Json { shape::json } else { shape::text };
        let mut fault = String::new();
        let run = async {
            loop {
                let said = shell.run(&learned.fill_in(&commands.text)).await;
                match compare(&answer.text, &said, &mut learned) {
                    Ok(()) => return true,
                    Err(differs) => fault = differs,
                }
                // What only looks may look again, until the message has come as far as is shown.
                if !only_looks(&commands.text) {
                    return false;
                }
            }
        };
        let as_shown = tokio::time::timeout(support::PATIENCE, run).await.unwrap_or(false);
        assert!(as_shown, "line {}: {fault}", commands.line);
    }
}

fn only_looks(commands: &str) -> bool {
    let looks = |line: &str| {
        line.contains("otp show") || (line.contains("curl ") && !line.contains(" -d ") && !line.contains(" -X "))
    };
    commands.lines().all(looks)
}

#[tokio::test]
async fn the_demo_prints_what_is_shown_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = support::smsotpd().arg("demo").env("TMPDIR", folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut said = String::new();
    soon("the story", async {
        while !said.contains("Ctrl-C stops it") {
            said.extend([lines.next_line().await.unwrap().expect("the story goes on").as_str(), "\n"]);
        }
    })
    .await;
    shape::text(&of_kind(Kind::Demo)[0].text, &said, &mut Learned::default()).unwrap_or_else(|fault| panic!("{fault}"));
    support::signal(&demo, Signal::INT);
    assert!(soon("the end that was asked for", demo.wait()).await.unwrap().success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it left something behind");
}

/// The rows of the table with this head.
fn table(head: &str) -> Vec<Vec<String>> {
    let rows = README.lines().skip_while(|line| *line != head).skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[tokio::test]
async fn the_table_of_the_configuration_has_every_key_with_its_default() {
    let all_set = "[[modem]]\nname = \"m1\"\nport = \"/dev/null\"\npin-file = \"/pin\"\n\
                   service-centre = \"+15550100999\"\npower-cycle = [\"true\"]\n\
                   [[modem]]\nname = \"m2\"\nimei = \"490154203237518\"\n[discovery]\nenabled = true\n\
                   [[route]]\nprefix = \"+49\"\nmodems = [\"m1\"]\n\
                   [policy.default]\nreplace = 1\ncallback = \"https://a/\"\ndefault-region = \"DE\"\nguard.premium = \"allow\"\ntemplate = \"{code}\"\ndomain = \"example.com\"\napp-hash = \"FA+9qCX9VSu\"\n\
                   [policy.default.templates]\nde = \"{code}\"\n[http]\nsocket-users = { 0 = \"shop\" }\n\
                   [balance]\ncode = \"*100#\"\npattern = \"([0-9]+)\"\nlow = 5.0\n";
    let shown: BTreeMap<String, String> = table("| key | default | meaning |")
        .into_iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].trim_matches('`').to_owned()))
        .collect();
    let effective = config_show(all_set).await;
    assert_eq!(shown.keys().collect::<Vec<_>>(), effective.keys().collect::<Vec<_>>());
    let set_here = [
        "balance.code",
        "balance.low",
        "balance.pattern",
        "discovery.enabled",
        "http.socket-users",
        "policy.default.app-hash",
        "policy.default.domain",
        "policy.default.callback",
        "policy.default.default-region",
        "policy.default.guard.premium",
        "policy.default.replace",
        "policy.default.template",
        "policy.default.templates.de",
        "route[].modems",
        "route[].prefix",
    ];
    let set_for_modems = ["name", "port", "imei", "pin-file", "service-centre", "power-cycle"];
    for (key, default) in shown {
        let of_modem = key.strip_prefix("modem[].").is_some_and(|key| set_for_modems.contains(&key));
        let expected = if of_modem || set_here.contains(&key.as_str()) { "none" } else { &effective[&key] };
        assert_eq!(default, expected, "{key}");
    }
}

/// What `config show` says of a file with this text.
async fn config_show(text: &str) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smsotpd.toml");
    std::fs::write(&path, text).unwrap();
    let output = support::smsotpd().args(["config", "show", "--config"]).arg(path).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let entry = |line: &str| {
        let (key, rest) = line.split_once(" = ").unwrap();
        let value = rest.rsplit_once("  # ").unwrap().0.trim_end();
        (key.replace("[0]", "[]").replace("[1]", "[]").replace("socket-users.0", "socket-users"), value.to_owned())
    };
    String::from_utf8(output.stdout).unwrap().lines().map(entry).collect()
}

#[tokio::test]
async fn every_command_and_flag_that_is_named_exists() {
    let in_text = README.split('`').filter(|code| code.starts_with("smsotpd "));
    let in_blocks = README
        .lines()
        .filter_map(|line| line.strip_prefix("sudo ").or(Some(line)))
        .filter(|line| line.starts_with("smsotpd "));
    let mut tried = BTreeSet::new();
    for named in in_text.chain(in_blocks) {
        let mut words = named.split_whitespace().skip(1).peekable();
        let mut command = Vec::new();
        let groups = ["app", "config", "otp", "template"];
        while let Some(word) = words.next_if(|word| word.chars().all(|c| c.is_ascii_lowercase())) {
            command.push(word);
            if !groups.contains(&word) {
                break;
            }
        }
        let output = support::smsotpd().args(&command).arg("--help").output().await.unwrap();
        assert!(output.status.success(), "{named}: {}", String::from_utf8_lossy(&output.stderr));
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains(&format!("Usage: smsotpd {}", command.join(" ")).trim_end().to_owned()), "{named}");
        for flag in words.filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "{named}: there is no {flag}");
        }
        tried.insert(command.join(" "));
    }
    for command in ["app create", "config check", "config show", "otp issue", "otp show", "send", "sim"] {
        assert!(tried.contains(command), "{command} is not in {tried:?}");
    }
}

#[test]
fn every_sentence_of_the_table_of_troubles_is_one_that_the_program_says() {
    let source = source(&Path::new(ROOT).join("src"));
    let rows = table("| what you see | what it means | what to do |");
    assert!(rows.len() > 10);
    for row in rows {
        // What comes after a colon is from the system, and the last word may be filled in.
        let sentences = row[0].split('`').skip(1).step_by(2).map(|said| said.split(':').next().unwrap_or_default());
        for sentence in sentences.filter(|sentence| sentence.contains(' ')) {
            // Something is filled in where `…` stands.
            if sentence.contains('…') {
                let all_said = sentence.split('…').all(|fixed| source.contains(fixed.trim()));
                assert!(all_said, "nothing says {sentence:?}");
                continue;
            }
            let fixed = sentence.rsplit_once(' ').unwrap().0;
            assert!(source.contains(fixed), "nothing says {sentence:?}");
        }
    }
}

fn source(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { source(&path) } else { std::fs::read_to_string(path).unwrap() }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    for link in README.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        if link.starts_with("https://") {
            continue;
        }
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let text = if file.is_empty() {
            README.to_owned()
        } else {
            std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_else(|fault| panic!("{link}: {fault}"))
        };
        let anchor = |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let found = heading.is_empty() || text.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
        assert!(found, "{link}");
    }
}
