//! The command line as a person meets it: help, exit codes, mistakes, and endings that leave nothing behind.

use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::{Site, signal, soon};
use rustix::process::Signal;
use smsotpd::sim::CarrierSettings;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

/// Every command that does something.
const COMMANDS: [&str; 19] = [
    "serve",
    "demo",
    "sim",
    "send",
    "otp issue",
    "otp verify",
    "otp approve",
    "otp show",
    "otp resend",
    "otp cancel",
    "app create",
    "app rotate",
    "app callback",
    "app remove",
    "app list",
    "audit",
    "config check",
    "config show",
    "template preview",
];

pub(crate) async fn run(arguments: &str) -> Output {
    crate::support::smsotpd().args(arguments.split(' ')).env("RUST_BACKTRACE", "1").output().await.unwrap()
}

/// What a command says to somebody who made a mistake, and its exit code.
pub(crate) async fn mistake(arguments: &str) -> (i32, String) {
    let output = run(arguments).await;
    assert!(output.stdout.is_empty(), "{arguments}: {output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    for leak in ["panicked", "backtrace", "stack", "Error {", "RUST_"] {
        assert!(!said.contains(leak), "{arguments}: {said}");
    }
    (output.status.code().unwrap(), said)
}

/// As [`mistake`], for one that is told in one line after the program's name.
async fn one_sentence(arguments: &str) -> (i32, String) {
    let (code, said) = mistake(arguments).await;
    let line = said.strip_prefix("smsotpd: ").unwrap_or_else(|| panic!("{arguments}: {said}")).to_owned();
    assert_eq!(line.lines().count(), 1, "{arguments}: {line}");
    (code, line.trim_end().to_owned())
}

fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("smsotpd.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_command_has_help_with_an_example() {
    for command in COMMANDS {
        let output = run(&format!("{command} --help")).await;
        assert!(output.status.success(), "{command}");
        let help = String::from_utf8(output.stdout).unwrap();
        let example = help.split_once("\nExample").map(|(_, example)| example).unwrap_or_default();
        assert!(example.contains(&format!("smsotpd {command}")), "{command} has no example:\n{help}");
    }
}

#[tokio::test]
async fn the_help_lists_every_command() {
    let listed = |help: &str| -> Vec<String> {
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let names = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        names.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
    };
    let help = async |arguments: &str| listed(&String::from_utf8(run(arguments).await.stdout).unwrap());
    let mut found = Vec::new();
    for command in help("--help").await {
        match help(&format!("{command} --help")).await {
            parts if parts.is_empty() => found.push(command),
            parts => found.extend(parts.into_iter().map(|part| format!("{command} {part}"))),
        }
    }
    found.sort();
    let mut known = COMMANDS.map(str::to_owned);
    known.sort();
    assert_eq!(found, known);
}

#[tokio::test]
async fn a_wrong_command_line_is_told_with_exit_code_2() {
    for (arguments, named) in [
        ("frobnicate", "frobnicate"),
        ("serv", "serve"),
        ("otp issue", "<TO>"),
        ("app create Shop", "a-z"),
        ("app create shop --scope everything", "issue, verify, send, read and admin"),
        ("otp show 4711", "32 hexadecimal digits"),
        ("otp issue +15550100123 --context payee", "KEY=VALUE"),
        ("otp issue +15550100123 --context a=1 --context a=2", "twice"),
        ("template preview --price nan", "from 0 on"),
        ("template preview --price 1e400", "from 0 on"),
        ("sim --loss 2", "from 0 to 1"),
        ("demo --listen localhost:80", "--listen"),
        ("demo --listen 0.0.0.0:8687", "the demo is for this machine alone"),
        ("send +15550100123 hello --priority urgent", "transactional"),
    ] {
        let (code, said) = mistake(arguments).await;
        assert_eq!(code, 2, "{arguments}: {said}");
        assert!(said.contains(named), "{arguments}: {said}");
    }
}

#[tokio::test]
async fn a_daemon_that_does_not_run_is_exit_code_69_and_says_how_to_see() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("api.sock");
    let config = write(folder.path(), &format!("[http]\nsocket = {socket:?}\nlisten = \"127.0.0.1:1\""));
    for place in
        [format!("--socket {}", socket.display()), "--address 127.0.0.1:1".into(), format!("--config {config}")]
    {
        let (code, said) = one_sentence(&format!("otp issue +15550100123 {place}")).await;
        assert_eq!(code, 69, "{said}");
        assert!(said.contains("does not answer on") && said.contains("systemctl status smsotpd"), "{said}");
    }
}

#[tokio::test]
async fn an_address_at_which_no_daemon_answers_is_exit_code_69() {
    for (answer, told) in [
        ("", "closed the connection"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "is not smsotpd"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", "broke off"),
        ("220 mail.example.org ESMTP\r\n", "is not smsotpd"),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Closed while something is unread, it would be reset, and the answer lost.
            let mut request = [0; 4096];
            let mut read = 0;
            while !request[..read].ends_with(b"}") {
                read += stream.read(&mut request[read..]).await.unwrap();
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let (code, said) = one_sentence(&format!("otp issue +15550100123 --address {address}")).await;
        assert_eq!(code, 69, "{said}");
        assert!(said.contains(told) && said.contains(&address.to_string()), "{said}");
        answering.await.unwrap();
    }
}

#[tokio::test]
async fn a_fault_in_the_configuration_is_told_with_its_place_and_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), "[http]\nlissten = \"127.0.0.1:1\"\n");
    for command in ["config check", "config show", "serve", "app list", "otp show otp_01a1f922689975988668782fd46ddc90"]
    {
        let (code, said) = one_sentence(&format!("{command} --config {config}")).await;
        assert_eq!(code, 78, "{command}: {said}");
        assert_eq!(said, format!("{config}:2:1: http: unknown key `lissten`, did you mean `listen`?"), "{command}");
    }
    let (code, said) = one_sentence("config check --config /nowhere/smsotpd.toml").await;
    assert_eq!((code, said.starts_with("/nowhere/smsotpd.toml: No such file")), (78, true), "{said}");
}

#[tokio::test]
async fn every_fault_of_a_configuration_is_told_on_a_line_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let words = "[policy.default]\nlength = 3\ntemplate = \"Hello\"\n[opt-out]\nstart = [\"stop\"]\n";
    let config = write(folder.path(), words);
    let (code, said) = mistake(&format!("config check --config {config}")).await;
    let lines: Vec<_> = said.lines().collect();
    assert_eq!((code, lines.len()), (78, 3), "{said}");
    assert!(lines[2].contains(":5:1: opt-out.start: `stop` is in `stop` as well"), "{said}");
    assert!(lines[0].contains(":2:10: policy.default.length: "), "{said}");
    assert!(lines[1].contains(":3:12: policy.default.template: "), "{said}");
}

#[tokio::test]
async fn a_policy_by_which_no_code_would_arrive_is_refused_at_its_template() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{{code}} {}", "x".repeat(160));
    for (policy, told) in [
        ("template = \"Hello\"".to_owned(), ":2:12: policy.default.template: the template has no {code}"),
        (format!("template = {long:?}"), "policy.default.template: with its longest code and lifetime the message has"),
        ("alphabet = 5".to_owned(), "policy.default.alphabet: expected `digits`, `letters`, `alphanumeric`"),
    ] {
        let config = write(folder.path(), &format!("[policy.default]\n{policy}\n"));
        let (code, said) = one_sentence(&format!("config check --config {config}")).await;
        assert_eq!(code, 78, "{policy}: {said}");
        assert!(said.contains(told), "{policy}: {said}");
    }
}

#[tokio::test]
async fn a_message_is_shown_with_what_it_costs_before_anybody_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "[policy.default]\nbrand = \"Shop\"\n[policy.staff]\ntemplate = \"Code – {code}\"\nsimplify = false\n";
    let config = write(folder.path(), policy);
    let preview = async |more: &[&str]| {
        let mut command = crate::support::smsotpd();
        let output = command.args(["template", "preview", "--config", &config]).args(more).output().await.unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let german = "123456 ist Ihr Code für Shop. Er gilt 5 Min.\n  words     smsotpd's own, de\n  alphabet  gsm7\n  size      44 of \
                  the 160 septets of one SMS\n  cost      1 SMS, 0.079\n";
    assert_eq!(preview(&["--to", "+4915112345678", "--price", "0.079"]).await, (0, german.to_owned()));
    let (code, said) = preview(&["--policy", "staff"]).await;
    assert_eq!(code, 0);
    assert!(said.contains("Code – 123456\n  words     `template` of the policy\n"), "{said}");
    assert!(said.contains("ucs2, since '–' (U+2013) is not in the GSM 7-bit alphabet"), "{said}");
    let (code, said) = preview(&["--all", "--domain", "shop.example", "--app-hash", "FA+9qCX9VSu"]).await;
    assert_eq!((code, said.matches("\n@shop.example #123456 FA+9qCX9VSu\n").count() >= 30), (0, true), "{said}");
    assert!(said.contains("[pt-BR]\nSeu código: 123456"), "{said}");
    let (code, said) = preview(&["--template", &format!("{{code}}{}", "x".repeat(160)), "--price", "0.1"]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("  cost      2 SMS, 0.2\nrefused: the message has 166 septets, 6 more than one SMS holds"),
        "{said}"
    );
    assert!(preview(&["--template", "{code}"]).await.1.starts_with("123456\n  words     those after --template\n"));
    // The one that is shown fits; the longest does not.
    let (code, said) = preview(&["--template", &format!("{{code}}{}", "x".repeat(152))]).await;
    assert_eq!((code, said.contains("refused: template: with its longest code and lifetime")), (1, true), "{said}");
}

#[tokio::test]
async fn a_preview_is_json_for_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), "[policy.default.templates]\nes = \"Tu código: {code}\"\n");
    let output = run(&format!("template preview --to +34612345678 --json --price 0.05 --config {config}")).await;
    assert!(output.status.success(), "{output:?}");
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({
        "asked_for": null, "text": "Tu código: 123456", "source": "variant", "locale": "es", "given_up": null,
        "encoding": "ucs2", "characters": 17, "units": 17, "parts": 1, "forced_by": "ó", "price": 0.05, "problem": null,
    });
    assert_eq!((&shown["texts"][0], &shown["problem"]), (&expected, &serde_json::Value::Null));
    for (arguments, exit_code, told) in [
        ("--policy staff", 1, "there is no policy `staff`; there are `default`"),
        ("--template {cod}", 2, "did you mean {code}?"),
        ("--to 0171", 2, "write the number with its country code"),
        ("--locale german", 2, "a language is written as"),
        ("--domain https://x", 2, "write the host alone"),
        ("--all --locale de", 2, "cannot be used with"),
    ] {
        let (code, said) = mistake(&format!("template preview --config {config} {arguments}")).await;
        assert_eq!(code, exit_code, "{arguments}: {said}");
        assert!(said.contains(told), "{arguments}: {said}");
    }
}

#[tokio::test]
async fn what_the_daemon_refuses_is_one_sentence_and_an_exit_code() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("");
    let config = config.to_str().unwrap();
    let key = site.folder.path().join("key");
    std::fs::write(&key, site.create_app("shop").await).unwrap();
    let reader = site.folder.path().join("reader");
    let made = run(&format!("app create reader --scope read --json --config {config}")).await;
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    std::fs::write(&reader, made["key"].as_str().unwrap()).unwrap();
    let unknown = site.folder.path().join("unknown");
    std::fs::write(&unknown, "smsotpd_nobody").unwrap();
    let with_mark = site.folder.path().join("with-mark");
    std::fs::write(&with_mark, "\u{feff}smsotpd_one\n").unwrap();
    let two_lines = site.folder.path().join("two-lines");
    std::fs::write(&two_lines, "smsotpd_one\nsmsotpd_two\n").unwrap();
    let _daemon = site.serve().await;

    let with = |key: &Path| format!("--key-file {} --config {config}", key.display());
    let id = "otp_01a1f922689975988668782fd46ddc90";
    for (arguments, code, part) in [
        (format!("otp issue 0171 {}", with(&key)), 1, "write the number with its country code"),
        (format!("otp show {id} {}", with(&key)), 1, "nothing by that name"),
        (format!("otp show {id} --config {config}"), 77, "SMSOTPD_KEY"),
        (format!("otp show {id} {}", with(&unknown)), 77, "No app has this key."),
        (format!("otp show {id} {}", with(&two_lines)), 77, "characters that no key has"),
        (format!("otp show {id} {}", with(&with_mark)), 77, "characters that no key has"),
        (format!("otp show {id} {}", with(Path::new("/nowhere/key"))), 77, "cannot read /nowhere/key"),
        (format!("otp show {id} --address here"), 69, "Write it as host:port"),
        (format!("otp issue +15550100123 {}", with(&reader)), 77, "the scope `issue`"),
        (format!("app create shop --config {config}"), 1, "smsotpd app rotate shop"),
        (format!("app create staff --policy staff --config {config}"), 1, "there is no [policy.staff]"),
        (format!("app remove nobody --config {config}"), 1, "smsotpd app list"),
        (format!("serve --config {config}"), 1, "another smsotpd runs on"),
    ] {
        let (found, said) = one_sentence(&arguments).await;
        assert_eq!(found, code, "{arguments}: {said}");
        assert!(said.contains(part), "{arguments}: {said}");
        assert!(!said.contains(".."), "{arguments}: {said}");
    }
    let issue = format!("otp issue +15550100123 {}", with(&key));
    let issued = run(&format!("{issue} --json")).await;
    let issued: serde_json::Value = serde_json::from_slice(&issued.stdout).unwrap();
    let (code, said) = one_sentence(&format!("otp resend {} {}", issued["id"].as_str().unwrap(), with(&key))).await;
    assert_eq!(code, 1);
    assert!(said.starts_with("It is too early to send this code again. Try again in "), "{said}");
}

#[tokio::test]
async fn a_text_of_megabytes_is_refused_in_the_daemons_words() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("");
    let key = site.create_app("shop").await;
    let _daemon = site.serve().await;
    let text = site.folder.path().join("text");
    std::fs::write(&text, "x".repeat(3 << 20)).unwrap();
    let mut send = crate::support::smsotpd();
    send.args(["send", "+15550100123", "-", "--config"]).arg(config).env("SMSOTPD_KEY", key);
    let output = send.stdin(std::fs::File::open(text).unwrap()).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.as_str()), (Some(1), "smsotpd: A body has at most 16384 bytes.\n"));
}

#[tokio::test]
async fn a_text_may_begin_with_a_minus() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("");
    let key = site.create_app("shop").await;
    let _daemon = site.serve().await;
    for text in ["-12 degrees in the cold store", "-- it is cold --", "-hello", "--wiat", "-"] {
        let mut send = crate::support::smsotpd();
        send.args(["send", "--config"]).arg(&config).args(["+15550100123", text]).env("SMSOTPD_KEY", &key);
        let output = send.stdin(Stdio::null()).output().await.unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        // A single word is more likely a mistyped option. From standard input comes nothing here, and that is refused.
        assert_eq!(said.contains("msg_"), text.contains(' '), "{text}: {said}");
        assert!(output.status.success() == text.contains(' '), "{text}: {said}");
    }
}

#[tokio::test]
async fn a_code_of_ones_own_is_bound_verified_and_approved_from_the_shell() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("[policy.default]\ncaller-codes = true\nmanual-approve = true");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let otp = async |arguments: &[&str]| {
        let mut command = crate::support::smsotpd();
        let output = command.arg("otp").args(arguments).arg("--config").arg(&config).env("SMSOTPD_KEY", &key).output();
        let output = output.await.unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said.lines().next().unwrap_or_default().to_owned())
    };
    let bound = ["--context", "payee=Bakery = Café", "--context", "amount=12"];
    let (code, id) = otp(&[&["issue", "+15550100123", "--code", "ab-4711"], bound.as_slice()].concat()).await;
    assert_eq!(code, 0, "{id}");
    let wrong = (1, "not verified: wrong context, 4 guesses left".to_owned());
    assert_eq!(otp(&["verify", &id, "AB4711"]).await, wrong);
    let wrong = (1, "not verified: wrong context, 3 guesses left".to_owned());
    assert_eq!(otp(&[&["verify", &id, "AB4711", "--purpose", "login"], bound.as_slice()].concat()).await, wrong);
    let right = [&["verify", &id, "ab4711"], bound.as_slice()].concat();
    assert_eq!(otp(&right).await, (0, "verified".to_owned()));
    let (_, id) = otp(&["issue", "+15550100123"]).await;
    assert_eq!(otp(&["approve", &id]).await, (0, "verified".to_owned()));
    assert_eq!(otp(&["approve", &id]).await, (1, "not verified: already used".to_owned()));
    assert!(daemon.terminate().await.success());
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (state, address) = (folder.path().join("state"), taken.local_addr().unwrap());
    let config =
        write(folder.path(), &format!("state-dir = {state:?}\n[http]\nsocket = \"\"\nlisten = \"{address}\"\n"));
    let output =
        crate::support::smsotpd().args(["serve", "--config", &config]).env("RUST_LOG", "off").output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("in use").count(), 1, "{said}");
}

#[tokio::test]
async fn a_daemon_whose_terminal_is_closed_goes_on() {
    let site = Site::unplugged(CarrierSettings::default());
    site.configure("");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    daemon.signal(Signal::HUP);
    daemon.get("/v1/status", &key).await;
    assert!(daemon.terminate().await.success());
}

/// Runs the commands that the demo prints, as somebody who pastes them.
#[tokio::test]
async fn the_simulated_modem_answers_on_its_link_and_takes_the_link_away() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("ports").join("modem");
    let mut sim = crate::support::smsotpd().arg("sim").arg("--link").arg(&link).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = lines(sim.stdout.take().unwrap());
    let told = until(&mut said, "The modem is at").await;
    assert!(told[0].contains(link.to_str().unwrap()), "{told:?}");
    assert!(link.exists());
    end(sim, Signal::INT).await;
    assert_eq!(std::fs::read_dir(folder.path().join("ports")).unwrap().count(), 0, "it left its link behind");
}

/// Starts the simulated modem as a program of its own, and waits until it is plugged in.
async fn plug_in(site: &Site) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut sim = crate::support::smsotpd();
    sim.args(["sim", "--submit-time", "0.02", "--delivery-time", "0.02", "--link"]).arg(site.link());
    let mut sim = sim.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = lines(sim.stdout.take().unwrap());
    until(&mut said, "The modem is at").await;
    (sim, said)
}

#[tokio::test]
async fn daemon_and_modem_are_programs_of_their_own_and_one_outlives_the_other() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("[policy.default]\nbrand = \"Shop\"").to_str().unwrap().to_owned();
    let key = site.create_app("shop").await;
    let (mut sim, mut said) = plug_in(&site).await;
    let daemon = site.serve().await;
    let ask = async |arguments: &[&str]| {
        let mut asked = crate::support::smsotpd();
        let output = asked.args(arguments).args(["--config", &config]).env("SMSOTPD_KEY", &key).output().await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };

    let issued = ask(&["otp", "issue", "+15550100123"]).await;
    let shown = until(&mut said, "is your Shop code").await;
    let code = crate::support::code_in(shown.last().unwrap());
    assert_eq!(ask(&["otp", "verify", issued.lines().next().unwrap(), &code]).await, "verified\n");

    // Killed, it would leave the link behind, to a terminal that by then may be another test's modem.
    std::fs::remove_file(site.link()).unwrap();
    sim.kill().await.unwrap();
    daemon.until("/v1/modems", &key, |modems| modems["modems"][0]["state"] != "ready").await;
    let texts = ["The first.", "The second.", "The third."];
    for text in texts {
        ask(&["send", "+15550100124", text]).await;
    }
    let status = daemon.get("/v1/status", &key).await;
    assert_eq!(status["queue"]["queued"], 3, "{status}");
    let (sim, mut said) = plug_in(&site).await;
    for text in texts {
        until(&mut said, text).await;
    }
    let all_sent = |status: &serde_json::Value| status["queue"]["queued"] == 0 && status["queue"]["sending"] == 0;
    daemon.until("/v1/status", &key, all_sent).await;
    assert!(daemon.terminate().await.success());
    end(sim, Signal::INT).await;
}

#[tokio::test]
async fn a_reader_who_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let demo = crate::support::smsotpd()
        .args(["demo", "--once", "--listen", "127.0.0.1:0"])
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn();
    let mut demo = demo.unwrap();
    drop(demo.stdout.take());
    assert!(soon("the demo to end", demo.wait()).await.unwrap().success());
}

/// A demo that keeps its files in this folder. It takes any port, so that several can run at once.
pub(crate) fn lines<R: AsyncRead + Unpin>(output: R) -> Lines<BufReader<R>> {
    BufReader::new(output).lines()
}

/// Reads up to the line that has `part` in it.
pub(crate) async fn until<R: AsyncRead + Unpin>(said: &mut Lines<BufReader<R>>, part: &str) -> Vec<String> {
    let mut read = Vec::new();
    soon(part, async {
        loop {
            read.push(said.next_line().await.unwrap().unwrap_or_else(|| panic!("it never said {part:?}")));
            if read.last().is_some_and(|line| line.contains(part)) {
                return;
            }
        }
    })
    .await;
    read
}

/// Sends the signal of Ctrl-C or of a closed terminal, and waits for a good end.
pub(crate) async fn end(mut process: Child, by: Signal) {
    signal(&process, by);
    assert!(soon("the end that was asked for", process.wait()).await.unwrap().success());
}
