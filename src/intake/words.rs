//! The words by which somebody chooses whether messages are sent to them: the `[opt-out]` part of the configuration.

use serde::{Deserialize, Serialize};

use crate::store::Choice;

/// Which messages that come in put their sender's number on the list of those that want none, or take it off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Whether the words count. The list itself always does. Default true.
    pub enabled: bool,
    /// The words that put a number on the list. Default STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT.
    pub stop: Vec<String>,
    /// The words that take it off. Default START, UNSTOP, YES.
    pub start: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            enabled: true,
            stop: words(&["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"]),
            start: words(&["START", "UNSTOP", "YES"]),
        }
    }
}

impl Settings {
    /// The first word that can mean nothing, or both things.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let lists = [("opt-out.stop", &self.stop), ("opt-out.start", &self.start)];
        let empty = lists.into_iter().find(|(_, words)| words.iter().any(|word| bare(word).is_empty()));
        if let Some((key, _)) = empty {
            return Some((key, "expected words with a letter or digit in each".to_owned()));
        }
        let both = self.start.iter().find(|word| self.stop.iter().any(|stop| bare(stop) == bare(word)))?;
        Some(("opt-out.start", format!("`{both}` is in `stop` as well, and that counts")))
    }

    /// What a message with this text chooses. Only a message that is the word and nothing else does; capitals, spaces and
    /// signs around the word do not matter.
    pub(super) fn choice(&self, text: &str) -> Option<Choice> {
        let said = bare(text);
        let among = |words: &[String]| self.enabled && !said.is_empty() && words.iter().any(|word| bare(word) == said);
        if among(&self.stop) { Some(Choice::Stop) } else { among(&self.start).then_some(Choice::Start) }
    }
}

fn bare(text: &str) -> String {
    text.trim_matches(|c: char| !c.is_alphanumeric()).to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_message_that_is_the_word_chooses() {
        let settings = Settings::default();
        for text in ["STOP", "stop", " Stop! ", "\r\nstopall\r\n", "Unsubscribe.", "“Quit”"] {
            assert_eq!(settings.choice(text), Some(Choice::Stop), "{text:?}");
        }
        for text in ["START", "unstop", "Yes!"] {
            assert_eq!(settings.choice(text), Some(Choice::Start), "{text:?}");
        }
        for text in ["", "  ", "!", "Please stop", "STOP IT", "S T O P", "STOPP", "123456"] {
            assert_eq!(settings.choice(text), None, "{text:?}");
        }
        assert_eq!(Settings { enabled: false, ..settings }.choice("STOP"), None);
    }

    #[test]
    fn a_word_that_means_nothing_or_both_is_found() {
        let fault = |toml| toml::from_str::<Settings>(toml).unwrap().fault().map(|(key, _)| key);
        assert_eq!(fault(""), None);
        assert_eq!(fault("stop = [\"STOP\"]\nstart = [\"stop!\"]"), Some("opt-out.start"));
        assert_eq!(fault("stop = [\"STOP\", \" ! \"]"), Some("opt-out.stop"));
        assert_eq!(fault("start = [\"\"]"), Some("opt-out.start"));
    }

    #[test]
    fn a_site_can_have_words_of_its_own() {
        let settings: Settings = toml::from_str("stop = [\"Стоп\", \"arrêt\"]").unwrap();
        assert_eq!(settings.choice("СТОП"), Some(Choice::Stop));
        assert_eq!(settings.choice("Arrêt."), Some(Choice::Stop));
        assert_eq!(settings.choice("stop"), None);
        assert_eq!(settings.choice("start"), Some(Choice::Start));
    }
}
