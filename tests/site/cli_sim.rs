//! `smsotpd sim` as somebody uses it who tries a program against a modem that misbehaves.

use std::path::Path;
use std::process::Stdio;

use crate::support::{smsotpd, soon};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio_serial::SerialStream;

/// Starts the simulator with these options, and waits until its modem is plugged in.
async fn sim(folder: &Path, options: &[&str]) -> Child {
    let mut command = smsotpd();
    command.arg("sim").arg("--link").arg(folder.join("ttyUSB0")).args(options).current_dir(folder);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = soon("the modem", said.next_line()).await.unwrap().unwrap();
    assert!(first.starts_with("The modem is at "), "{first}");
    // What is said must have a reader as long as the program runs.
    tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    child
}

/// Opens the modem's port, which is to be done once: what another test starts at that moment holds the port's lock for
/// a little longer than this process does.
fn open(link: &Path) -> SerialStream {
    SerialStream::open(&tokio_serial::new(link.display().to_string(), 115_200)).unwrap()
}

/// Types this at the modem's port and reads up to the end of that.
async fn talk(port: &mut SerialStream, typed: &str, end: &str) -> String {
    port.write_all(typed.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let reading = async {
        while !read.ends_with(end.as_bytes()) {
            read.push(port.read_u8().await.unwrap());
        }
    };
    let ended = tokio::time::timeout(crate::support::PATIENCE / 6, reading).await.is_ok();
    let read = String::from_utf8_lossy(&read).into_owned();
    assert!(ended, "{typed:?} is answered by {read:?}");
    read
}

/// Gives an order over the control socket; gives the lines of the answer.
async fn order(socket: &Path, line: &str) -> Vec<String> {
    let mut stream = BufReader::new(UnixStream::connect(socket).await.unwrap());
    stream.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    let mut lines = stream.lines();
    while let Some(answer) = soon("an answer", lines.next_line()).await.unwrap() {
        let is_last = answer == "ok" || answer.starts_with("error: ");
        answers.push(answer);
        if is_last {
            break;
        }
    }
    answers
}

#[tokio::test]
async fn a_family_a_file_of_faults_and_orders_work_together() {
    let folder = tempfile::tempdir().unwrap();
    let (link, socket) = (folder.path().join("ttyUSB0"), folder.path().join("control"));
    std::fs::write(folder.path().join("faults"), "# once\nrefuse = { command = \"+CSQ\", cme-error = 100 }\n").unwrap();
    let _sim = sim(folder.path(), &["--family", "sierra", "--faults", "faults", "--control", "control"]).await;
    let mut port = open(&link);
    let answer = talk(&mut port, "ATE0+CMEE=1;+CGMM\r", "OK\r\n").await;
    assert!(answer.ends_with("\r\nMC7455\r\n\r\nOK\r\n"), "{answer}");
    assert_eq!(talk(&mut port, "AT+CSQ\r", "100\r\n").await, "\r\n+CME ERROR: 100\r\n");
    assert_eq!(order(&socket, "signal = 9").await, ["ok"]);
    assert_eq!(talk(&mut port, "AT+CSQ\r", "OK\r\n").await, "\r\n+CSQ: 9,99\r\n\r\nOK\r\n");
    assert_eq!(order(&socket, "plug ttyUSB5").await[1], "ok");
    assert!(!link.is_symlink());
    talk(&mut open(&folder.path().join("ttyUSB5")), "AT\r", "OK\r\n").await;
    let help = order(&socket, "help").await;
    for verb in ["plug NAME", "unplug", "cut-power", "register STAT", "send FROM TEXT", "inbox", "faults"] {
        assert!(help.iter().any(|line| line.starts_with(verb)), "{verb} in {help:?}");
    }
    assert!(order(&socket, "faults").await.contains(&"cms-error = 38".to_owned()));
}

#[tokio::test]
async fn modems_of_another_index_have_another_imei_sim_and_number() {
    let mut told = Vec::new();
    for options in [["--index", "0"], ["--index", "1"]] {
        let folder = tempfile::tempdir().unwrap();
        let _sim = sim(folder.path(), &options).await;
        told.push(talk(&mut open(&folder.path().join("ttyUSB0")), "ATE0+CGSN;+CCID;+CNUM\r", "OK\r\n").await);
    }
    let lines = |told: &str| told.lines().filter(|line| line.len() > 4).skip(1).map(str::to_owned).collect::<Vec<_>>();
    let (first, second) = (lines(&told[0]), lines(&told[1]));
    assert_eq!((first.len(), second.len()), (3, 3), "{told:?}");
    assert!(first.iter().zip(&second).all(|(first, second)| first != second), "{told:?}");
}

#[tokio::test]
async fn a_control_socket_in_use_is_left_to_who_uses_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = sim(folder.path(), &["--control", "control"]).await;
    let second = || smsotpd().args(["sim", "--control", "control"]).current_dir(folder.path()).output();
    let output = second().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), said.as_str()),
        (Some(1), "smsotpd: control is in use: something else listens there\n")
    );
    let socket = folder.path().join("control");
    assert_eq!(order(&socket, "signal = 9").await, ["ok"]);
    // One that was killed leaves its socket behind, which the next one takes.
    first.kill().await.unwrap();
    assert!(socket.exists());
    let _next = sim(folder.path(), &["--control", "control"]).await;
    assert_eq!(order(&socket, "signal = 9").await, ["ok"]);
}

#[tokio::test]
async fn a_file_with_a_wrong_line_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("faults"), "stuck-prompt\ncms-error = \"many\"\n").unwrap();
    let output = smsotpd().args(["sim", "--faults", "faults"]).current_dir(folder.path()).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("smsotpd: faults: line 2: this is no fault: "), "{said}");
    let output = smsotpd().args(["sim", "--family", "nokia"]).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("choose one of generic, huawei, zte"), "{said}");
}
