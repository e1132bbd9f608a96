//! Schemathesis, a program that nobody here wrote, attacks the API by its own description and must find nothing.
//!
//! Take it from the Python package index (`pip install schemathesis`); `SCHEMATHESIS` names the program if it is not on
//! the path.

/// A client draws an `Idempotency-Key` anew for each request; the generator uses short ones again with other bodies,
/// which is rightly refused. So each valid one gets an end of its own.
const HOOKS: &str = r#"
import re, uuid, schemathesis

@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!-~]{1,64}", key):
        case.headers["Idempotency-Key"] = key + uuid.uuid4().hex
"#;

use std::process::Command;

use crate::api::{KEY, Site};

#[tokio::test]
#[ignore = "needs schemathesis"]
async fn schemathesis_finds_nothing() {
    let site = Site::without_limits().await;
    let program = std::env::var("SCHEMATHESIS").unwrap_or_else(|_| "schemathesis".to_owned());
    let url = format!("http://{}/openapi.json", site.address);
    let folder = site.folder.path().to_owned();
    std::fs::write(folder.join("hooks.py"), HOOKS).unwrap();
    let run = tokio::task::spawn_blocking(move || {
        Command::new(program)
            .args(["run", &url, "--checks", "all", "--mode", "all", "--header", &format!("X-API-Key: {KEY}")])
            // A stream does not end, which this program takes for a fault.
            .args(["--exclude-path", "/v1/events"])
            .args(["--max-examples", "100", "--seed", "1", "--continue-on-failure", "--no-color"])
            // DELETE cancels here: what is cancelled can still be looked at, so that one sees what became of it.
            .args(["--exclude-checks", "use_after_free", "--generation-database", "none"])
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("PYTHONPATH", &folder)
            .current_dir(&folder)
            .output()
    });
    let output = run.await.unwrap().expect("schemathesis is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
