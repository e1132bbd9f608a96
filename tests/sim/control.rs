//! Orders over the control socket.

use std::path::Path;

use smsotpd::sim::{Bay, Control, Device};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::typist::{Typist, alice, carrier, device};

async fn obey(device: &Device, order: &str) -> Result<Vec<String>, String> {
    Control::new(Bay::new(device.clone()), Path::new("").to_owned()).obey(order).await
}

#[tokio::test(start_paused = true)]
async fn a_line_is_a_fault_now_or_later() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    obey(&device, "cms-error = 38").await.unwrap();
    assert_eq!(typist.send(&alice(), "hello").await, [["+CMS ERROR: 38"]]);
    obey(&device, "@60 {\"line\": \"RING\"}").await.unwrap();
    assert_eq!(typist.after(std::time::Duration::from_secs(59)).await, "");
    assert_eq!(typist.after(std::time::Duration::from_secs(2)).await, "\r\nRING\r\n");
    obey(&device, "silent = \"power-cut\"").await.unwrap();
    obey(&device, "recover").await.unwrap();
    assert_eq!(typist.at("").await, ["OK"]);
}

#[tokio::test(start_paused = true)]
async fn orders_reach_the_network_and_the_phones() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    obey(&device, "register 3").await.unwrap();
    assert_eq!(typist.ask("+CREG?").await, "+CREG: 0,3");
    obey(&device, "register 1").await.unwrap();
    typist.send(&alice(), "to Alice").await;
    device.carrier().handset(&alice()).next().await;
    let inbox = obey(&device, "inbox").await.unwrap();
    assert_eq!(inbox, [r#"{"from":"+15550100000","text":"to Alice","to":"+15551234567"}"#]);
    assert_eq!(obey(&device, "inbox +15557654321").await.unwrap(), Vec::<String>::new());
    typist.at("+CNMI=2,1").await;
    obey(&device, "send +15551234567 from Alice").await.unwrap();
    typist.indication("+CMTI: \"SM\",1", 1).await;
    obey(&device, "ussd *111# none left").await.unwrap();
    typist.at("+CUSD=1,\"*111#\",15").await;
    typist.indication("+CUSD: 0,\"none left\",15", 1).await;
}

#[tokio::test]
async fn a_socket_answers_each_line() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control");
    let bay = Bay::new(device(&carrier()));
    let control = Control::new(bay, folder.path().to_owned());
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move { control.serve(&listener).await });
    let mut stream = BufReader::new(UnixStream::connect(&socket).await.unwrap());
    for (order, answers) in [
        ("plug ttyUSB7", vec![folder.path().join("ttyUSB7").display().to_string(), "ok".to_owned()]),
        ("unplug", vec!["ok".to_owned()]),
        ("register 12", vec!["error: write a number from 0 to 11: register 5".to_owned()]),
        ("plug", vec!["error: write a name: plug ttyUSB1".to_owned()]),
    ] {
        stream.get_mut().write_all(format!("{order}\n").as_bytes()).await.unwrap();
        for answer in answers {
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            assert_eq!(line.trim_end(), answer, "{order}");
        }
    }
    stream.get_mut().write_all(b"explode\n").await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("error: this is no fault: unknown variant `explode`"), "{line}");
}
