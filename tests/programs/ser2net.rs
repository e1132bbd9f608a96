//! ser2net, a serial server nobody here wrote, between the simulated modem and whoever speaks to it over TCP.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::bench::Bench;
use crate::support::{Site, soon};
use serde_json::json;
use smsotpd::pdu;
use smsotpd::sim::{CarrierSettings, EventKind, Family, Fault};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Starts ser2net between the modem at this link and this port of the loopback.
fn serve(link: &Path, address: SocketAddr) -> Child {
    let configuration = link.with_file_name("ser2net.yaml");
    let text = format!(
        "connection: &modem\n  accepter: tcp,{},{}\n  connector: serialdev,{},115200n81,local\n",
        address.ip(),
        address.port(),
        link.display(),
    );
    std::fs::write(&configuration, text).unwrap();
    let mut command = Command::new("ser2net");
    // In the foreground, and without a lock file in the system's folder.
    command.args(["-n", "-u", "-c"]).arg(&configuration);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap()
}

/// A port that nobody has.
async fn free_address() -> SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn connect(address: SocketAddr) -> TcpStream {
    let connected = async {
        loop {
            if let Ok(stream) = TcpStream::connect(address).await {
                return stream;
            }
            // It says nowhere that it listens now.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("ser2net", connected).await
}

/// Types this and reads up to the end of that.
async fn talk(stream: &mut TcpStream, typed: &str, end: &str) -> String {
    stream.write_all(typed.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let reading = async {
        while !read.ends_with(end.as_bytes()) {
            read.push(stream.read_u8().await.unwrap());
        }
    };
    soon(end, reading).await;
    String::from_utf8(read).unwrap()
}

#[tokio::test]
#[ignore = "needs ser2net"]
async fn a_message_is_sent_and_announced_through_ser2net() {
    let bench = Bench::set_up(Family::Generic).await;
    let address = free_address().await;
    let _server = serve(&bench.link(), address);
    let mut stream = connect(address).await;
    talk(&mut stream, "ATE0\r", "OK\r\n").await;
    assert_eq!(talk(&mut stream, "AT+CSQ\r", "OK\r\n").await, "\r\n+CSQ: 21,99\r\n\r\nOK\r\n");
    talk(&mut stream, "AT+CNMI=2,1\r", "OK\r\n").await;
    let frame = pdu::Frame::from_hex("0011000B915155214365F70000A704E8329B0D").unwrap();
    talk(&mut stream, &format!("AT+CMGS={}\r", frame.length()), "\r\n> ").await;
    let answer = talk(&mut stream, &format!("{}\x1a", frame.to_hex().unwrap()), "OK\r\n").await;
    assert_eq!(answer, "\r\n+CMGS: 0\r\n\r\nOK\r\n");
    assert_eq!(soon("the message", bench.alice.next()).await.text.expose().len(), 4);
    bench.alice.send(&bench.device.settings().number, "Hello").unwrap();
    assert_eq!(talk(&mut stream, "", "1\r\n").await, "\r\n+CMTI: \"SM\",1\r\n");
}

#[tokio::test]
#[ignore = "needs ser2net"]
async fn the_modem_starts_anew_behind_ser2net() {
    let bench = Bench::set_up(Family::Cinterion).await;
    let address = free_address().await;
    let _server = serve(&bench.link(), address);
    let mut events = bench.device.events();
    let mut stream = connect(address).await;
    talk(&mut stream, "", "^SYSSTART\r\n").await;
    talk(&mut stream, "ATE0\r", "OK\r\n").await;
    bench.device.cut_power(Duration::ZERO);
    talk(&mut stream, "", "^SYSSTART\r\n").await;
    bench.device.faults().queue(Fault::SilentBeforePrompt);
    stream.write_all(b"AT+CMGS=20\r").await.unwrap();
    let command = async {
        while !matches!(events.recv().await.unwrap().kind, EventKind::Command { name, .. } if name == "+CMGS") {}
    };
    soon("AT+CMGS", command).await;
    talk(&mut stream, "AT\r", "OK\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs ser2net"]
async fn the_daemon_sends_through_ser2net_and_again_after_it_was_restarted() {
    let at_once = Duration::from_millis(20);
    let settings = CarrierSettings { submit_time: at_once, delivery_time: at_once, ..CarrierSettings::default() };
    let site = Site::new(settings);
    let path = site.configure("");
    let address = free_address().await;
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(&format!("{:?}", site.link()), &format!("\"tcp://{address}\""))).unwrap();
    let mut server = serve(&site.link(), address);
    connect(address).await;
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    for number in ["+15550100123", "+15550100124"] {
        daemon.until_ready().await;
        daemon.post("/v1/otp", &key, json!({ "to": number })).await;
        soon("the code", site.handset(number).next()).await;
        server.kill().await.unwrap();
        daemon.until("/v1/modems", &key, |modems| modems["modems"][0]["state"] == "absent").await;
        server = serve(&site.link(), address);
    }
    assert!(daemon.terminate().await.success());
}
