//! A whole site in a temporary folder: a simulated modem on a pseudo-terminal, a carrier, handsets, and the real
//! daemon as a process of its own, reached over its unix socket.
#![allow(dead_code, reason = "every test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose scaffolding fails has failed")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use serde_json::Value;
use smsotpd::phone::PhoneNumber;
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings, Handset, Terminal};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

/// Whatever a test waits for comes long before this, or never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits for something that must happen.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// A site: its folder, its modem, its carrier.
pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) carrier: Carrier,
    pub(crate) device: Device,
    radio: Option<JoinHandle<()>>,
}

impl Site {
    /// A site whose modem is plugged in.
    pub(crate) fn new(settings: CarrierSettings) -> Self {
        let mut site = Self::unplugged(settings);
        site.plug();
        site
    }

    /// A site whose modem is not plugged in yet.
    pub(crate) fn unplugged(settings: CarrierSettings) -> Self {
        let carrier = Carrier::new(settings);
        let device = Device::new(DeviceSettings::default(), carrier.clone());
        Self { folder: tempfile::tempdir().unwrap(), carrier, device, radio: None }
    }

    /// Plugs the modem in.
    pub(crate) fn plug(&mut self) {
        let terminal = Terminal::open(Some(&self.link())).unwrap();
        let device = self.device.clone();
        self.radio = Some(tokio::spawn(async move {
            device.serve(terminal).await.unwrap();
        }));
    }

    /// Pulls the modem out.
    pub(crate) async fn unplug(&mut self) {
        if let Some(radio) = self.radio.take() {
            radio.abort();
            let _ = radio.await;
        }
    }

    pub(crate) fn handset(&self, number: &str) -> Handset {
        self.carrier.handset(&PhoneNumber::parse(number).unwrap())
    }

    pub(crate) fn link(&self) -> PathBuf {
        self.folder.path().join("modem")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("api.sock")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Writes the configuration, with these lines at its end, and returns its path.
    pub(crate) fn configure(&self, more: &str) -> PathBuf {
        let path = self.folder.path().join("smsotpd.toml");
        let text = format!(
            "state-dir = {:?}\n[http]\nlisten = \"127.0.0.1:0\"\nsocket = {:?}\n[[modem]]\nname = \"m1\"\nport = {:?}\n{more}\n",
            self.state(),
            self.socket(),
            self.link(),
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Makes an app and returns its key.
    pub(crate) async fn create_app(&self, name: &str) -> String {
        self.create_app_with(name, &[]).await
    }

    /// Makes an app with these options and returns its key.
    pub(crate) async fn create_app_with(&self, name: &str, options: &[&str]) -> String {
        let config = self.folder.path().join("smsotpd.toml");
        let mut create = smsotpd();
        create.args(["app", "create", name, "--json"]).args(options).arg("--config").arg(config);
        let output = create.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["key"].as_str().unwrap().to_owned()
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) async fn serve(&self) -> Daemon {
        self.serve_logging("smsotpd=info").await
    }

    /// Starts the daemon with this log filter and waits until it answers.
    pub(crate) async fn serve_logging(&self, filter: &str) -> Daemon {
        self.serve_with(&[("RUST_LOG", filter)]).await
    }

    /// Starts the daemon in this environment and waits until it answers.
    pub(crate) async fn serve_with(&self, environment: &[(&str, &str)]) -> Daemon {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        self.serve_writing(Stdio::from(log), environment).await
    }

    /// Starts the daemon in this environment with its log here, and waits until it answers.
    pub(crate) async fn serve_writing(&self, log: Stdio, environment: &[(&str, &str)]) -> Daemon {
        let config = self.folder.path().join("smsotpd.toml");
        let child = smsotpd()
            .args(["serve", "--json", "--config"])
            .arg(config)
            .envs(environment.iter().copied())
            .stderr(log)
            .spawn()
            .unwrap();
        let daemon = Daemon { child, socket: self.socket() };
        soon("the daemon to answer", async {
            while daemon.try_request(Method::GET, "/healthz", None, None).await.is_none() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        daemon
    }

    /// The network address on which the newest daemon of this site listens.
    pub(crate) async fn address(&self) -> String {
        let logged = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(line.get("address")?.as_str()?.to_owned())
        };
        soon("the daemon to log its address", async {
            loop {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                if let Some(address) = log.lines().rev().find_map(logged) {
                    return address;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    /// What all the daemons of this site have logged so far.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

/// The program under test.
pub(crate) fn smsotpd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smsotpd"));
    command.kill_on_drop(true).stdin(Stdio::null()).env_remove("SMSOTPD_KEY").env_remove("RUST_LOG");
    command
}

/// Sends a signal to a process that runs.
pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// A running daemon. Dropped, it is killed.
pub(crate) struct Daemon {
    child: Child,
    socket: PathBuf,
}

impl Daemon {
    /// Ends the process as a power cut would: at once, without a chance to write anything.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// What the process writes as its log, if that is a pipe.
    pub(crate) fn log(&mut self) -> ChildStderr {
        self.child.stderr.take().unwrap()
    }

    /// Holds the process where it is; what its modem says from now on it does not hear.
    pub(crate) fn freeze(&self) {
        signal(&self.child, Signal::STOP);
        // Not each of its threads has stopped when the signal is sent.
        let pid = Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED).unwrap();
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, by: Signal) {
        signal(&self.child, by);
    }

    /// Asks the process to end, as systemd does, and waits until it has.
    pub(crate) async fn terminate(mut self) -> std::process::ExitStatus {
        signal(&self.child, Signal::TERM);
        soon("the daemon to end", self.child.wait()).await.unwrap()
    }

    /// Waits until a code would be sent now.
    pub(crate) async fn until_ready(&self) {
        soon("the modem to be ready", async {
            let ready =
                |answer: Option<(StatusCode, Value)>| answer.is_some_and(|(status, _)| status == StatusCode::OK);
            while !ready(self.try_request(Method::GET, "/readyz", None, None).await) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// One request; the status and the JSON of the answer.
    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        self.try_request(method, path, Some(key), body).await.expect("the daemon answers")
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Value {
        let (status, answer) = self.request(Method::GET, path, key, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> (StatusCode, Value) {
        self.request(Method::POST, path, key, Some(body)).await
    }

    /// Asks for a resource again and again until it is as wished.
    pub(crate) async fn until(&self, path: &str, key: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                last = self.get(path, key).await;
                if wished(&last) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(waited.is_ok(), "{path} never became as wished; it is {last}");
        last
    }

    async fn try_request(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Option<(StatusCode, Value)> {
        request(&self.socket, method, path, key, body).await
    }
}

/// One request over a unix socket; `None` when nobody answers there.
pub(crate) async fn request(
    socket: &Path,
    method: Method,
    path: &str,
    key: Option<&str>,
    body: Option<Value>,
) -> Option<(StatusCode, Value)> {
    let stream = UnixStream::connect(socket).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    let answer = sender.send_request(request.body(Full::new(body)).unwrap()).await.ok()?;
    let status = answer.status();
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    connection.abort();
    Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// The first run of digits of a text: the code in it.
pub(crate) fn code_in(text: &str) -> String {
    text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect()
}
