//! Whole modems of every family: their transcripts, `tests/transcripts/family_*.txt`, in the notation of the README there.

use std::path::Path;
use std::time::Duration;

use smsotpd::modem::{Event, Outcome, Profile, State};
use tokio::sync::mpsc;

use crate::scripted::{OnSubmit, Scripted, World};

/// How long anything may take.
const LONGEST: Duration = Duration::from_secs(3600);

/// One transcript as it is being played.
struct Play {
    at: String,
    scripted: Scripted,
    world: Option<World>,
    /// How many of the lines that the modem has heard are behind.
    behind: usize,
    outcome: Option<Outcome>,
    never: Vec<String>,
}

impl Play {
    fn world(&self) -> &World {
        self.world.as_ref().unwrap_or_else(|| panic!("{}: `! start` is missing", self.at))
    }

    fn answer(&self, line: &str, answer: &str) {
        let answer = answer.replace("\\r", "\r").replace("\\n", "\n");
        // A test ends soon enough.
        let (line, answer) = (line.to_owned().leak(), answer.trim().to_owned().leak());
        if line == "SUBMIT" {
            self.scripted.on_submit(OnSubmit::Refuse(answer));
        } else {
            self.scripted.answer(line, answer);
        }
    }

    async fn act(&mut self, wish: &str) {
        let (word, rest) = wish.split_once(' ').unwrap_or((wish, ""));
        match word {
            "start" => {
                let mut world = World::start(self.scripted.clone());
                let events = std::mem::replace(&mut world.events, mpsc::channel(1).1);
                tokio::spawn(keep_everything(events));
                self.world = Some(world);
            }
            "say" => {
                // What was written before is behind: it is not the answer to this.
                self.behind = self.scripted.heard().len();
                self.scripted.say(&rest.replace("\\r", "\r").replace("\\n", "\n"));
            }
            "send" => self.outcome = Some(self.world().submit().await),
            "wait" => tokio::time::sleep(Duration::from_millis(rest.parse().unwrap())).await,
            other => panic!("{}: `{other}` is no wish", self.at),
        }
    }

    async fn hears(&mut self, line: &str) {
        let heard = async {
            loop {
                let heard = self.scripted.heard();
                if let Some(at) = heard.iter().skip(self.behind).position(|heard| heard == line) {
                    return self.behind + at + 1;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let found = tokio::time::timeout(LONGEST, heard).await;
        self.behind = found.unwrap_or_else(|_| {
            panic!("{}: `{line}` was not heard in its turn: {:#?}", self.at, self.scripted.heard())
        });
    }

    async fn shows(&mut self, wanted: &str) {
        let (what, words) = wanted.split_once(": ").unwrap_or((wanted, ""));
        match what.split(' ').collect::<Vec<_>>().as_slice() {
            ["ready"] => drop(self.world().until(|health| health.state.is_ready()).await),
            ["family", name] => drop(self.world().until(|health| health.family == Some(name)).await),
            ["not", "ready"] => {
                let not_ready =
                    |state: &State| matches!(state, State::NotReady { reason, .. } if reason.contains(words));
                self.world().until(|health| not_ready(&health.state)).await;
            }
            ["sent", reference] => {
                let outcome = self.outcome.take();
                let sent = matches!(&outcome, Some(Outcome::Sent { reference: is }) if is.0.to_string() == *reference);
                assert!(sent, "{}: {outcome:?}", self.at);
            }
            ["failed", wanted] => match self.outcome.take() {
                Some(Outcome::Failed { class, reason, .. }) => {
                    let is_wanted = format!("{class:?}").eq_ignore_ascii_case(wanted) && reason.contains(words);
                    assert!(is_wanted, "{}: {class:?} {reason}", self.at);
                }
                other => panic!("{}: {other:?}", self.at),
            },
            ["in", "doubt"] => match self.outcome.take() {
                Some(Outcome::InDoubt { reason }) => assert!(reason.contains(words), "{}: {reason}", self.at),
                other => panic!("{}: {other:?}", self.at),
            },
            _ => panic!("{}: `{what}` is nothing that is shown", self.at),
        }
    }
}

/// Whatever the modem hands out is on disk at once.
async fn keep_everything(mut events: mpsc::Receiver<Event>) {
    while let Some(Event { done, .. }) = events.recv().await {
        done.acknowledge();
    }
}

async fn play(name: &str, script: &str) {
    let scripted = Scripted::new();
    let mut play = Play { at: name.to_owned(), scripted, world: None, behind: 0, outcome: None, never: Vec::new() };
    let mut question = String::new();
    for (number, line) in script.lines().enumerate() {
        play.at = format!("{name}:{}", number + 1);
        let (mark, rest) = line.split_at(line.len().min(2));
        match mark.trim() {
            "" | "#" => {}
            "?" => rest.clone_into(&mut question),
            "<" => play.answer(&question, rest),
            "!" => play.act(rest).await,
            ">" => play.hears(rest).await,
            "x" => play.never.push(rest.to_owned()),
            "=" => play.shows(rest).await,
            other => panic!("{}: `{other}` is no mark", play.at),
        }
    }
    for never in &play.never {
        let heard = play.scripted.heard();
        assert!(!heard.iter().any(|line| line.starts_with(never.as_str())), "{name}: {never} was sent");
    }
    play.world().stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn every_family_is_set_up_and_sends_as_its_transcripts_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut shown = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("family_") {
            continue;
        }
        let script = std::fs::read_to_string(&path).unwrap();
        for heading in ["# modem:", "# source:", "# shows:", "= family ", "! start"] {
            let has = script.lines().any(|line| line.starts_with(heading));
            assert!(has, "{name} lacks `{heading}`");
        }
        play(&name, &script).await;
        shown.extend(script.lines().filter_map(|line| line.strip_prefix("= family ").map(str::to_owned)));
    }
    for family in ["huawei", "zte", "quectel", "simcom", "sierra", "telit", "u-blox", "cinterion", "generic"] {
        assert!(shown.iter().any(|name| name == family), "no transcript shows {family}");
        assert!(Profile::all().any(|profile| profile.name == family));
    }
}
