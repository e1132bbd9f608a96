//! A modem behind a serial server: the connector over loopback, and the whole daemon through it.

use std::io::ErrorKind;
use std::time::Duration;

use crate::support::{Site, soon};
use serde_json::json;
use smsotpd::modem::{Connector as _, TcpAddress, TcpConnector};
use smsotpd::sim::{CarrierSettings, Device};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A serial server with one line, on which a simulated modem is; it serves one caller after the other.
async fn serial_server(device: Device) -> (TcpAddress, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    let serve = async move {
        loop {
            let (caller, _) = listener.accept().await.unwrap();
            // A caller that goes away ends the line, not the server.
            let _ = device.serve(caller).await;
        }
    };
    (address, tokio::spawn(serve))
}

fn quick() -> CarrierSettings {
    let at_once = Duration::from_millis(20);
    CarrierSettings { submit_time: at_once, delivery_time: at_once, ..CarrierSettings::default() }
}

#[tokio::test]
async fn bytes_go_through_as_they_are_and_the_end_of_the_line_is_seen() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut connector = TcpConnector::new(address);
    let (port, line) = tokio::join!(connector.connect(), listener.accept());
    let (mut port, (mut line, _)) = (port.unwrap(), line.unwrap());
    let octets: Vec<u8> = (0..=255).collect();
    port.write_all(&octets).await.unwrap();
    let mut heard = vec![0; octets.len()];
    soon("what was written", line.read_exact(&mut heard)).await.unwrap();
    assert_eq!(heard, octets);
    line.write_all(&octets).await.unwrap();
    soon("what was answered", port.read_exact(&mut heard)).await.unwrap();
    assert_eq!(heard, octets);
    drop(line);
    assert_eq!(soon("the end", port.read(&mut heard)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = TcpConnector::new(format!("tcp://{gone}").parse().unwrap()).connect().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().starts_with(&format!("the serial server {gone} does not answer: ")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modem_behind_a_serial_server_sends_and_comes_back_when_the_server_was_restarted() {
    let site = Site::unplugged(quick());
    let (address, server) = serial_server(site.device.clone()).await;
    let path = site.configure("");
    let text = std::fs::read_to_string(&path).unwrap();
    let port = format!("{:?}", site.link());
    std::fs::write(&path, text.replace(&port, &format!("\"tcp://{address}\""))).unwrap();
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    daemon.until_ready().await;
    daemon.post("/v1/otp", &key, json!({ "to": "+15550100123" })).await;
    soon("the code", site.handset("+15550100123").next()).await;

    server.abort();
    let _ = server.await;
    daemon.until("/v1/modems", &key, |modems| modems["modems"][0]["state"] == "absent").await;
    let listener = soon("the address to be free", async {
        loop {
            match TcpListener::bind(address.to_string()).await {
                Ok(listener) => return listener,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    let device = site.device.clone();
    let _server = tokio::spawn(async move {
        let (caller, _) = listener.accept().await.unwrap();
        let _ = device.serve(caller).await;
    });
    daemon.until_ready().await;
    daemon.post("/v1/otp", &key, json!({ "to": "+15550100124" })).await;
    soon("the code after the restart", site.handset("+15550100124").next()).await;
    assert!(daemon.terminate().await.success());
}
