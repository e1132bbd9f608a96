//! What a profile says, and how a modem is given one.

use std::time::Duration;

use super::families::{ALL, GENERIC};
use crate::at::{CardNumber, Counter, Manners};

/// A family of modems and its ways.
#[derive(Debug)]
pub struct Profile {
    /// The family's name, for instance `quectel`.
    pub name: &'static str,
    /// How the conversation with it goes.
    pub manners: Manners,
    /// The words by which the answer to `+CGMI` tells it.
    pub makers: &'static [&'static str],
    /// How the name of its models begins, for those that are sold under another name, often that of the chip's maker.
    pub models: &'static [&'static str],
    /// The first lines it gets once it is known. Refusing one does not matter.
    pub first: &'static [&'static str],
    /// The lines it gets once its card can be used. Refusing one does not matter.
    pub with_card: &'static [&'static str],
    /// `<mode>` of `+CNMI`, the best first.
    pub modes: &'static [u32],
    /// `<ds>` of `+CNMI`, the best first.
    pub reports: &'static [u32],
    /// How what it hands out is acknowledged.
    pub acknowledgement: Acknowledgement,
    /// The storages in which reports and messages may be, the likeliest first.
    pub storages: &'static [&'static str],
    /// How its card's number is asked for.
    pub card_number: CardNumber,
    /// How the tries are asked for that are left for the PIN.
    pub counter: Counter,
    /// How long the card is left alone after its PIN.
    pub after_unlock: Duration,
    /// What restarts it.
    pub restart: &'static str,
    /// What asks whether it uses IMS, where that decides about messages in LTE.
    pub ims: Option<&'static str>,
}

/// How a modem wants what it hands out acknowledged (3GPP TS 27.005 §3.4.4), when it insists on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledgement {
    /// It does not take one.
    Never,
    /// `AT+CNMA`.
    Plain,
    /// `AT+CNMA=<n>`.
    Numbered(u8),
}

impl Profile {
    /// The profile of a modem that answers this to `+CGMI` and `+CGMM`. Its maker's name decides; where that is nobody's
    /// here, its model's.
    #[must_use]
    pub fn of(manufacturer: Option<&str>, model: Option<&str>) -> &'static Self {
        let made =
            |profile: &&Self| has(manufacturer, |word| profile.makers.iter().any(|own| own.eq_ignore_ascii_case(word)));
        let named = |profile: &&Self| has(model, |word| profile.models.iter().any(|start| begins_with(word, start)));
        ALL.iter().find(made).or_else(|| ALL.iter().find(named)).unwrap_or(&GENERIC)
    }

    /// The profile of modems that nobody has heard of.
    #[must_use]
    pub fn generic() -> &'static Self {
        &GENERIC
    }

    /// Every profile, the generic one last.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        ALL.iter().chain([&GENERIC])
    }
}

fn has(text: Option<&str>, wanted: impl Fn(&str) -> bool) -> bool {
    text.is_some_and(|text| {
        text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| !word.is_empty() && wanted(word))
    })
}

fn begins_with(word: &str, start: &str) -> bool {
    word.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::FailureClass::Unknown;

    fn family(manufacturer: &str, model: &str) -> &'static str {
        Profile::of(Some(manufacturer), Some(model)).name
    }

    #[test]
    fn a_modem_is_known_by_its_makers_name() {
        for (manufacturer, model, name) in [
            ("huawei", "E173", "huawei"),
            ("Huawei Technologies Co., Ltd.", "ME909s-120", "huawei"),
            ("ZTE CORPORATION", "MF190", "zte"),
            ("Quectel", "EC25", "quectel"),
            ("SIMCOM_Ltd", "SIM800", "simcom"),
            ("SIMCOM INCORPORATED", "SIMCOM_SIM7600E", "simcom"),
            ("Sierra Wireless, Incorporated", "MC7455", "sierra"),
            ("Telit", "LE910C1-EU", "telit"),
            ("Telit Cinterion", "FN990A28", "telit"),
            ("u-blox", "SARA-R410M-02B", "u-blox"),
            ("Cinterion", "PHS8-E", "cinterion"),
            ("SIEMENS", "TC35i", "cinterion"),
            ("WAVECOM MODEM", "MULTIBAND 900E 1800", "wavecom"),
            ("Novatel Wireless Incorporated", "MC679", "novatel"),
        ] {
            assert_eq!(family(manufacturer, model), name, "{manufacturer} {model}");
        }
    }

    #[test]
    fn a_modem_under_the_chip_makers_name_is_known_by_its_model() {
        for (manufacturer, model, name) in [
            ("QUALCOMM INCORPORATED", "SIMCOM_SIM7600G-H", "simcom"),
            ("INCORPORATED", "A7670E-FASE", "simcom"),
            ("QUALCOMM INCORPORATED", "MF626", "zte"),
            ("QUALCOMM INCORPORATED", "EC20CEFA", "quectel"),
            ("+CGMI: Qualcomm", "ME909u-521", "huawei"),
            ("ASR", "ME910C1", "telit"),
        ] {
            assert_eq!(family(manufacturer, model), name, "{manufacturer} {model}");
        }
    }

    #[test]
    fn a_name_that_only_contains_or_begins_like_a_makers_is_nobodys() {
        for (manufacturer, model) in
            [("Zteel Ltd", "X1"), ("Telita", ""), ("QUALCOMM INCORPORATED", "0"), ("Example", "EX-1"), ("", "")]
        {
            assert_eq!(family(manufacturer, model), "generic", "{manufacturer} {model}");
        }
        assert_eq!(Profile::of(None, None).name, "generic");
        // The maker's word goes before the model's.
        assert_eq!(family("Telit", "SIM800"), "telit");
    }

    #[test]
    fn every_line_of_every_profile_is_one_command_and_none_crashes_a_modem() {
        for profile in Profile::all() {
            let lines = profile.first.iter().chain(profile.with_card).chain([&profile.restart]).chain(&profile.ims);
            for line in lines {
                assert!(line.starts_with("AT") && line.len() > 3, "{}: {line}", profile.name);
                assert!(line.bytes().all(|octet| octet.is_ascii_graphic()) && !line.contains(';'), "{line}");
                assert!(!line.contains("GETPORTMODE"), "{}", profile.name);
            }
            for (words, _) in profile.manners.remarks {
                let first = words.as_bytes()[0];
                assert!(first.is_ascii_uppercase() || first.is_ascii_punctuation(), "{}: {words}", profile.name);
            }
            assert!(!profile.modes.is_empty() && !profile.reports.is_empty() && !profile.storages.is_empty());
        }
    }

    #[test]
    fn every_makers_numbers_rise_and_say_something() {
        for profile in Profile::all() {
            let codes = profile.manners.codes;
            for table in [codes.cms, codes.cme] {
                for pair in table.windows(2) {
                    assert!(pair[0].1 < pair[1].0, "{}: {pair:?}", profile.name);
                }
                for (first, last, class, meaning) in table {
                    assert!(first <= last && *first >= 256, "{}: {first}", profile.name);
                    assert!(*class != Unknown || *first < 512, "{}: {first}", profile.name);
                    assert!(!meaning.is_empty() && !meaning.ends_with('.'), "{}: {first}", profile.name);
                }
            }
            for code in codes.doubtful {
                assert!(codes.cms.iter().any(|(first, last, ..)| (first..=last).contains(&code)), "{code}");
            }
        }
    }
}
