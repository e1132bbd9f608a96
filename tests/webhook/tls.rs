//! TLS to a receiver of the site, whose certificate comes from an authority of the site's own: the whole daemon, which
//! takes the system's list of authorities.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;
use smsotpd::sim::CarrierSettings;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::receiver::{Got, Mood, serve};
use crate::support::{Site, smsotpd, soon};

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/webhook/tls").join(name)
}

/// A receiver that speaks TLS: its port, and what it gets.
async fn receiver() -> (u16, mpsc::UnboundedReceiver<Got>) {
    let certificate = CertificateDer::from_pem_file(file("receiver.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("receiver.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, got) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (_mood, moods) = watch::channel(Mood::status(200));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, moods, sender) = (acceptor.clone(), moods.clone(), sender.clone());
            tokio::spawn(async move {
                // Who does not trust the certificate goes away.
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, moods, sender).await;
                }
            });
        }
    });
    (port, got)
}

async fn smsotpd_app_callback(site: &Site, url: &str) -> serde_json::Value {
    let config = site.folder.path().join("smsotpd.toml");
    let output = smsotpd()
        .args(["app", "callback", "shop", "--json", "--url", url, "--config"])
        .arg(config)
        .stderr(Stdio::inherit())
        .output()
        .await
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_receiver_is_believed_by_the_authorities_that_the_system_trusts_and_by_no_other() {
    let (port, mut got) = receiver().await;
    let site = Site::new(CarrierSettings::default());
    site.configure("");
    let key = site.create_app("shop").await;
    let url = format!("https://localhost:{port}/sms-events");
    let callback = smsotpd_app_callback(&site, &url).await;
    assert_eq!(callback["url"], url);

    let daemon = site.serve().await;
    let cancel = async |daemon: &crate::support::Daemon, to: &str| {
        let (status, otp) = daemon.post("/v1/otp", &key, json!({ "to": to })).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
        let path = format!("/v1/otp/{}", otp["id"].as_str().unwrap());
        daemon.request(hyper::Method::DELETE, &path, &key, None).await;
    };
    cancel(&daemon, "+15550100123").await;
    let waiting = "/v1/callbacks?status=waiting";
    let tried = daemon.until(waiting, &key, |page| page["callbacks"][0]["tries"] == 1).await;
    let reason = tried["callbacks"][0]["reason"].as_str().unwrap();
    let unknown =
        "no secure connection: the receiver's certificate is from an authority that this machine does not know";
    assert_eq!(reason, unknown);
    daemon.terminate().await;

    // As a person would have it take another list of authorities than the system's.
    let daemon = site.serve_with(&[("SSL_CERT_FILE", file("authority.pem").to_str().unwrap())]).await;
    cancel(&daemon, "+15550100124").await;
    let (secret, mut is_there) = (callback["secret"].as_str().unwrap(), false);
    // It may read how the site is, so it is told of the modem as well.
    while !is_there {
        let got = soon("an event", got.recv()).await.unwrap();
        assert!(crate::secrets::is_signed_with(&got, secret));
        is_there = got.kind().starts_with("otp.");
    }
    daemon.terminate().await;

    // Under another name than those in its certificate, of which nothing is repeated.
    let other_name = format!("https://127.0.0.1:{port}/sms-events");
    smsotpd_app_callback(&site, &other_name).await;
    let daemon = site.serve_with(&[("SSL_CERT_FILE", file("authority.pem").to_str().unwrap())]).await;
    cancel(&daemon, "+15550100125").await;
    let is_ours = |page: &serde_json::Value| {
        let all = page["callbacks"].as_array().unwrap();
        all.iter().any(|one| one["reason"] == "no secure connection: the receiver's certificate is for another name")
    };
    daemon.until(waiting, &key, is_ours).await;
    daemon.terminate().await;

    let log = std::fs::read_to_string(site.log()).unwrap();
    assert!(log.contains(&format!("https://localhost:{port}")) && log.contains("callbacks do not arrive"), "{log}");
    assert!(!log.contains("/sms-events") && !log.contains(secret));
}
