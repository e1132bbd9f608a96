//! Nothing that must not be seen is seen: not in a log at `trace`, not in the database or its write-ahead log.

use std::time::Duration;

use crate::support::{Site, code_in, soon};
use hyper::{Method, StatusCode};
use serde_json::json;
use smsotpd::sim::CarrierSettings;

const TO: &str = "+15550100123";

/// A text that shows everything.
const WORDS: &str = "[policy.default]\nbrand = \"Quagga\"\ntemplate = \"{code} is your {brand} code to pay {payee}\"\n";

/// What a code is bound to.
fn context() -> serde_json::Value {
    json!({ "payee": "Numbat & Sons", "session": "dd1f2a8c77" })
}

fn quick() -> CarrierSettings {
    let at_once = Duration::from_millis(20);
    CarrierSettings { submit_time: at_once, delivery_time: at_once, ..CarrierSettings::default() }
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The ways a text may lie in bytes: as it is, in UTF-16, packed into septets, in hexadecimal of any of these.
fn disguises(text: &str) -> Vec<Vec<u8>> {
    let mut septets = Vec::new();
    for (place, byte) in text.bytes().enumerate() {
        for bit in 0..7 {
            let at = place * 7 + bit;
            if at / 8 == septets.len() {
                septets.push(0_u8);
            }
            septets[at / 8] |= ((byte >> bit) & 1) << (at % 8);
        }
    }
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    // A cut text has no whole last octet of its own.
    septets.pop();
    let mut all = vec![text.as_bytes().to_vec(), utf16, septets];
    for plain in all.clone() {
        let hex: String = plain.iter().map(|byte| format!("{byte:02X}")).collect();
        all.push(hex.to_ascii_lowercase().into_bytes());
        all.push(hex.into_bytes());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_life_logged_at_trace_tells_no_code_text_pdu_key_or_number() {
    let site = Site::new(quick());
    site.configure(WORDS);
    let key = site.create_app("shop").await;
    let daemon = site.serve_logging("trace").await;
    let (status, otp) = daemon.post("/v1/otp", &key, json!({ "to": TO, "context": context() })).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let path = format!("/v1/otp/{}", otp["id"].as_str().unwrap());
    let code = code_in(soon("the code", site.handset(TO).next()).await.text.expose());
    daemon.until(&path, &key, |otp| otp["message"]["status"] == "delivered").await;
    daemon.post(&format!("{path}/verify"), &key, json!({ "code": "0000" })).await;
    daemon.post("/v1/otp/verify", &key, json!({ "to": TO, "code": code, "purpose": "" })).await;
    let right = json!({ "to": TO, "code": code, "context": context() });
    assert_eq!(daemon.post("/v1/otp/verify", &key, right).await.1["verified"], true);
    daemon.post("/v1/otp", &key, json!({ "to": TO, "context": { "payee": ["Numbat"] } })).await;
    let (status, _) = daemon.post("/v1/messages", &key, json!({ "to": TO, "text": "Quagga rides at dawn" })).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    soon("the message", site.handset(TO).next()).await;
    daemon.request(Method::GET, "/v1/status?key=Quagga", "smsotpd_wrong-key-of-some-length", None).await;
    daemon.post("/v1/otp", &key, json!({ "to": "not-a-number-Quagga" })).await;
    assert!(daemon.terminate().await.success());

    let log = std::fs::read(site.log()).unwrap();
    assert!(holds(&log, b"\"sent\""), "the log tells of the message at all");
    let digits = TO.trim_start_matches('+');
    let swapped: String =
        format!("{digits}F").as_bytes().chunks(2).flat_map(|p| [p[1] as char, p[0] as char]).collect();
    let secrets = [
        code.as_str(),
        "Quagga",
        "Numbat",
        "dd1f2a8c77",
        "smsotpd_wrong-key-of-some-length",
        key.as_str(),
        digits,
        &swapped,
    ];
    for secret in secrets {
        for disguise in disguises(secret) {
            assert!(!holds(&log, &disguise), "the log holds one of the secrets, as {} octets", disguise.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_otp_ends_neither_code_nor_text_is_in_the_database_or_its_write_ahead_log() {
    let site = Site::new(quick());
    site.configure(WORDS);
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let (_, otp) = daemon.post("/v1/otp", &key, json!({ "to": TO, "context": context() })).await;
    let path = format!("/v1/otp/{}", otp["id"].as_str().unwrap());
    let code = code_in(soon("the code", site.handset(TO).next()).await.text.expose());
    daemon.until(&path, &key, |otp| otp["message"]["status"] == "delivered").await;
    let right = json!({ "code": code, "context": context() });
    assert_eq!(daemon.post(&format!("{path}/verify"), &key, right).await.1["verified"], true);
    daemon.kill().await;

    let mut looked_at = 0;
    for entry in std::fs::read_dir(site.state()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        looked_at += bytes.len();
        for secret in [code.as_str(), "Quagga", "Numbat", "dd1f2a8c77", "is your", key.as_str()] {
            for disguise in disguises(secret).into_iter().filter(|disguise| disguise.len() > 4) {
                assert!(!holds(&bytes, &disguise), "the state folder holds a secret");
            }
        }
    }
    assert!(looked_at > 10_000, "there was a database to look at");
}

/// What the database keeps of secrets now: digests, sealed codes and texts, and what codes are bound to.
fn sealed(site: &Site) -> Vec<Vec<u8>> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(site.state().join("smsotpd.db"), flags).unwrap();
    let mut sealed = Vec::new();
    for column in ["digest FROM otp", "sealed_code FROM otp", "context FROM otp", "text FROM message"] {
        let mut statement = database.prepare(&format!("SELECT {column}")).unwrap();
        let octets = statement.query_map((), |row| row.get::<_, Option<Vec<u8>>>(0)).unwrap();
        sealed.extend(octets.filter_map(|octets| octets.unwrap()));
    }
    sealed
}

fn is_in_state(site: &Site, needle: &[u8]) -> bool {
    let files = std::fs::read_dir(site.state()).unwrap();
    files.into_iter().any(|file| holds(&std::fs::read(file.unwrap().path()).unwrap(), needle))
}

#[tokio::test(flavor = "multi_thread")]
async fn however_an_otp_ends_its_digest_and_sealed_code_and_text_are_erased() {
    // Without a modem nothing is sent, so everything is there until the end.
    let site = Site::unplugged(quick());
    site.configure("");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let mut paths = Vec::new();
    for to in ["+15550100101", "+15550100102", "+15550100103"] {
        let (status, otp) = daemon.post("/v1/otp", &key, json!({ "to": to, "context": context() })).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
        paths.push(format!("/v1/otp/{}", otp["id"].as_str().unwrap()));
    }
    let before = sealed(&site);
    assert_eq!(before.len(), 12, "two digests, a code and a text each");
    assert!(before.iter().all(|octets| is_in_state(&site, octets)), "where they are looked for, they are found");

    let [cancelled, superseded, locked] = paths.try_into().unwrap();
    daemon.request(Method::DELETE, &cancelled, &key, None).await;
    let (status, _) = daemon.post("/v1/otp", &key, json!({ "to": "+15550100102" })).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    for _ in 0..5 {
        daemon.post(&format!("{locked}/verify"), &key, json!({ "code": "0000" })).await;
    }
    for (path, status) in [(cancelled, "cancelled"), (superseded, "superseded"), (locked, "locked")] {
        assert_eq!(daemon.get(&path, &key).await["status"], status);
    }
    assert_eq!(sealed(&site).len(), 3, "only the newer one has any left");
    // The end of the daemon empties the write-ahead log, as it does itself within a minute.
    assert!(daemon.terminate().await.success());
    assert!(sealed(&site).iter().all(|octets| is_in_state(&site, octets)));
    for octets in before {
        assert!(!is_in_state(&site, &octets), "{} octets of an ended otp are left", octets.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sqlite3"]
async fn the_sqlite3_shell_reads_the_database_and_finds_nothing_left_of_an_ended_otp() {
    let site = Site::new(quick());
    site.configure("");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let (_, otp) = daemon.post("/v1/otp", &key, json!({ "to": TO })).await;
    let path = format!("/v1/otp/{}", otp["id"].as_str().unwrap());
    let code = code_in(soon("the code", site.handset(TO).next()).await.text.expose());
    daemon.until(&path, &key, |otp| otp["message"]["status"] == "delivered").await;
    daemon.post(&format!("{path}/verify"), &key, json!({ "code": code })).await;
    let sql = "PRAGMA integrity_check; PRAGMA journal_mode; SELECT count(*) FROM otp WHERE status = 'verified'; \
               SELECT count(*) FROM otp WHERE digest IS NOT NULL OR sealed_code IS NOT NULL; \
               SELECT count(*) FROM message WHERE text IS NOT NULL;";
    let output =
        tokio::process::Command::new("sqlite3").arg(site.state().join("smsotpd.db")).arg(sql).output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\nwal\n1\n0\n0\n");
}
