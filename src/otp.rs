//! One-time passwords: how a code is drawn, how what a person typed is read, and what an answer does to an otp.
//!
//! Pure: randomness and time are arguments. Codes are compared elsewhere, by their keyed digests; here only the
//! outcome of that comparison is judged.
//!
//! Its one rule: [`judge`] says `verified` only of a pending otp, in time, with attempts left and the right code for what it
//! was issued for.

mod brought;
mod context;

use crate::clock::Moment;
use crate::secret::Code;

pub use brought::{BroughtError, brought};
pub use context::{Context, ContextError};

/// The characters that codes are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// 0 to 9.
    #[default]
    Digits,
    /// Capital letters without those that are taken for another or for a digit: no I, L, O, S, Z, B, and no vowel,
    /// so that no code is a word.
    Letters,
    /// The letters above and the digits 2 to 9 without 5 and 8, which are taken for S and B.
    Alphanumeric,
}

impl Alphabet {
    /// The characters, each once.
    #[must_use]
    pub const fn characters(self) -> &'static str {
        match self {
            Self::Digits => "0123456789",
            Self::Letters => "CDFGHJKMNPQRTVWXY",
            Self::Alphanumeric => "234679CDFGHJKMNPQRTVWXY",
        }
    }
}

/// The number of characters in a code: 4 to 10, 6 unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct CodeLength(u8);

/// A length that codes cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has {least} to {most} characters, not {0}", least = CodeLength::LEAST.0, most = CodeLength::MOST.0)]
pub struct LengthError(pub u64);

impl CodeLength {
    /// The shortest code.
    pub const LEAST: Self = Self(4);
    /// The longest code.
    pub const MOST: Self = Self(10);

    /// The length as a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for CodeLength {
    fn default() -> Self {
        Self(6)
    }
}

impl TryFrom<u64> for CodeLength {
    type Error = LengthError;

    fn try_from(length: u64) -> Result<Self, LengthError> {
        u8::try_from(length)
            .ok()
            .filter(|length| (Self::LEAST.0..=Self::MOST.0).contains(length))
            .map(Self)
            .ok_or(LengthError(length))
    }
}

impl From<CodeLength> for u64 {
    fn from(length: CodeLength) -> Self {
        Self::from(length.0)
    }
}

/// Draws a code. `uniform(bound)` must give each number below `bound` with the same probability.
///
/// # Panics
/// When `uniform` gives a number that is not below its bound.
#[must_use]
pub fn draw(alphabet: Alphabet, length: CodeLength, mut uniform: impl FnMut(u32) -> u32) -> Code {
    let characters = alphabet.characters().as_bytes();
    // No alphabet has more than 26 + 10 characters.
    let bound = characters.len() as u32;
    // One allocation, so that no unwiped copy of the beginning stays behind.
    let mut code = String::with_capacity(usize::from(length.0));
    for _ in 0..length.0 {
        code.push(char::from(characters[uniform(bound) as usize]));
    }
    Code::new(code)
}

/// The code a person meant by what they typed: spaces, dashes and their like are left out, small letters made capital,
/// and digits of other keyboards (full-width, Arabic-Indic, Persian, Devanagari) and full-width letters made plain.
///
/// Total: anything else stays as it is and will not match.
#[must_use]
pub fn normalise(typed: &Code) -> Code {
    let mut code = String::with_capacity(typed.expose().len());
    code.extend(typed.expose().chars().filter(|c| !is_filler(*c)).map(plain));
    Code::new(code)
}

/// Whether people and keyboards put this character between the characters of a code without meaning it.
fn is_filler(c: char) -> bool {
    matches!(c,
        '-' | '.' | '_'
        | '\u{ad}' // soft hyphen
        | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' // hyphens, dashes, minus, full-width hyphen
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' // invisible
    ) || c.is_whitespace()
}

fn plain(c: char) -> char {
    let from_zero = |zero: u32| char::from_digit(u32::from(c) - zero, 10).unwrap_or(c);
    match c {
        '\u{ff10}'..='\u{ff19}' => from_zero(0xff10),
        '\u{660}'..='\u{669}' => from_zero(0x660),
        '\u{6f0}'..='\u{6f9}' => from_zero(0x6f0),
        '\u{966}'..='\u{96f}' => from_zero(0x966),
        '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => {
            char::from_u32(u32::from(c) - 0xfee0).map_or(c, |c| c.to_ascii_uppercase())
        }
        _ => c.to_ascii_uppercase(),
    }
}

/// Where an otp is in its life. It leaves `pending` once and never comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its code can be verified.
    Pending,
    /// Its code was given in time. That happens once.
    Verified,
    /// Its lifetime passed.
    Expired,
    /// Too many wrong codes were given.
    Locked,
    /// The app withdrew it.
    Cancelled,
    /// A newer otp for the same app, number and purpose took its place.
    Superseded,
}

impl Status {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Verified, Self::Expired, Self::Locked, Self::Cancelled, Self::Superseded];

    /// The state's name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Expired => "expired",
            Self::Locked => "locked",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Why a code was not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is not the code. Attempts are left.
    WrongCode,
    /// It was given for something else than it was issued for: its context or purpose is another. Attempts are left. Says
    /// nothing about the code.
    WrongContext,
    /// The lifetime has passed.
    Expired,
    /// Too many wrong codes were given, this one perhaps the last of them.
    Locked,
    /// The code was verified before.
    AlreadyUsed,
    /// The app withdrew the otp.
    Cancelled,
    /// A newer otp took its place.
    Superseded,
}

/// What has to be known of an otp to judge an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where it is in its life.
    pub status: Status,
    /// The first moment at which the code is no longer valid.
    pub expires: Moment,
    /// How many attempts are left before this one.
    pub attempts_left: u8,
}

/// What was given in an attempt, beside what is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The right code, for what it was issued for.
    Same,
    /// Another code, for the right thing.
    OtherCode,
    /// Any code, right or wrong, for another purpose or context.
    OtherContext,
}

/// What an attempt came to, and what the otp is from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether this attempt, and no other, verified the code.
    pub verified: bool,
    /// Where the otp is now.
    pub status: Status,
    /// Why it was not verified; `None` when it was.
    pub reason: Option<Reason>,
    /// How many attempts are left after this one.
    pub attempts_left: u8,
}

/// Judges one attempt.
///
/// The verdict is to be written down in the same transaction in which the standing was read; then any number of
/// parallel attempts verifies once at most and counts every wrong code. An otp that is no longer pending, or whose
/// lifetime has passed, costs no attempt and tells nothing about the code.
#[must_use]
pub fn judge(standing: &Standing, given: Comparison, now: Moment) -> Verdict {
    if let Some(ended) = ended(standing, now) {
        return ended;
    }
    let attempts_left = standing.attempts_left.saturating_sub(1);
    let (status, reason) = match (given, attempts_left) {
        (Comparison::Same, _) => (Status::Verified, None),
        (_, 0) => (Status::Locked, Some(Reason::Locked)),
        (Comparison::OtherCode, _) => (Status::Pending, Some(Reason::WrongCode)),
        (Comparison::OtherContext, _) => (Status::Pending, Some(Reason::WrongContext)),
    };
    Verdict { verified: reason.is_none(), status, reason, attempts_left }
}

/// Verifies an otp without a code: the app knows by other means that it is who it should be. Costs no attempt.
///
/// As with [`judge`], at most one of any number of approvals and attempts verifies.
#[must_use]
pub fn approve(standing: &Standing, now: Moment) -> Verdict {
    let attempts_left = standing.attempts_left;
    ended(standing, now).unwrap_or(Verdict { verified: true, status: Status::Verified, reason: None, attempts_left })
}

/// What is said of an otp that has ended, if it has.
fn ended(standing: &Standing, now: Moment) -> Option<Verdict> {
    let (status, reason) = match standing.status {
        Status::Verified => (Status::Verified, Reason::AlreadyUsed),
        Status::Expired => (Status::Expired, Reason::Expired),
        Status::Locked => (Status::Locked, Reason::Locked),
        Status::Cancelled => (Status::Cancelled, Reason::Cancelled),
        Status::Superseded => (Status::Superseded, Reason::Superseded),
        Status::Pending if now >= standing.expires => (Status::Expired, Reason::Expired),
        Status::Pending if standing.attempts_left == 0 => (Status::Locked, Reason::Locked),
        Status::Pending => return None,
    };
    Some(Verdict { verified: false, status, reason: Some(reason), attempts_left: standing.attempts_left })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const ALPHABETS: [Alphabet; 3] = [Alphabet::Digits, Alphabet::Letters, Alphabet::Alphanumeric];

    fn length(length: u64) -> CodeLength {
        CodeLength::try_from(length).unwrap()
    }

    fn code(text: &str) -> Code {
        Code::new(text.to_owned())
    }

    #[test]
    fn a_code_has_4_to_10_characters() {
        for good in 4..=10 {
            assert_eq!(u64::from(length(good)), good);
        }
        for bad in [0, 3, 11, 256 + 6, u64::MAX] {
            assert_eq!(CodeLength::try_from(bad), Err(LengthError(bad)));
        }
        assert_eq!(LengthError(3).to_string(), "a code has 4 to 10 characters, not 3");
    }

    #[test]
    fn every_character_is_drawn_for_exactly_one_number() {
        for alphabet in ALPHABETS {
            let mut seen = HashMap::new();
            for number in 0..alphabet.characters().len() as u32 {
                let code = draw(alphabet, length(4), |bound| {
                    assert_eq!(bound as usize, alphabet.characters().len());
                    number
                });
                *seen.entry(code.expose().to_owned()).or_insert(0) += 1;
            }
            assert_eq!(seen.len(), alphabet.characters().len());
        }
    }

    #[test]
    fn letters_that_look_like_others_are_never_drawn() {
        for alphabet in [Alphabet::Letters, Alphabet::Alphanumeric] {
            assert!(!alphabet.characters().contains(['0', 'O', '1', 'I', 'L', '5', 'S', '8', 'B']));
            assert!(alphabet.characters().chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()));
        }
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for typed in [
            "123456",
            "123 456",
            " 123-456\r\n",
            "1 2 3 4 5 6",
            "123\u{2013}456",
            "123\u{a0}456",
            "\u{200e}123456\u{feff}",
            "１２３４５６",
            "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}",
            "\u{6f1}\u{6f2}\u{6f3}\u{6f4}\u{6f5}\u{6f6}",
            "\u{967}\u{968}\u{969}\u{96a}\u{96b}\u{96c}",
        ] {
            assert_eq!(normalise(&code(typed)).expose(), "123456", "{typed:?}");
        }
        for typed in ["CD4FGH", "cd4-fgh", "Cd4 Fgh", "ＣＤ４ｆｇｈ"] {
            assert_eq!(normalise(&code(typed)).expose(), "CD4FGH", "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_code_stays_no_code() {
        for (typed, read) in [("", ""), ("12345six", "12345SIX"), ("123456!", "123456!"), ("１２³", "12³")] {
            assert_eq!(normalise(&code(typed)).expose(), read);
        }
    }

    const NOW: Moment = Moment::from_millis(1_000);
    const LATER: Moment = Moment::from_millis(2_000);

    fn pending(attempts_left: u8) -> Standing {
        Standing { status: Status::Pending, expires: LATER, attempts_left }
    }

    /// Judges an attempt and keeps what comes of it, as the store does.
    fn attempt(standing: &mut Standing, matches: bool, now: Moment) -> Verdict {
        let given = if matches { Comparison::Same } else { Comparison::OtherCode };
        let verdict = judge(standing, given, now);
        standing.status = verdict.status;
        standing.attempts_left = verdict.attempts_left;
        verdict
    }

    #[test]
    fn the_right_code_verifies_and_its_attempt_is_counted() {
        let verdict = Verdict { verified: true, status: Status::Verified, reason: None, attempts_left: 4 };
        assert_eq!(judge(&pending(5), Comparison::Same, NOW), verdict);
        assert!(judge(&pending(1), Comparison::Same, NOW).verified);
    }

    #[test]
    fn an_otp_that_ended_says_how_and_costs_no_attempt() {
        for (status, reason) in [
            (Status::Verified, Reason::AlreadyUsed),
            (Status::Expired, Reason::Expired),
            (Status::Locked, Reason::Locked),
            (Status::Cancelled, Reason::Cancelled),
            (Status::Superseded, Reason::Superseded),
        ] {
            for given in [Comparison::Same, Comparison::OtherCode, Comparison::OtherContext] {
                for now in [NOW, LATER] {
                    let verdict = Verdict { verified: false, status, reason: Some(reason), attempts_left: 3 };
                    assert_eq!(judge(&Standing { status, ..pending(3) }, given, now), verdict);
                }
            }
        }
    }

    #[test]
    fn an_approval_verifies_what_is_pending_once_and_costs_no_attempt() {
        let verdict = Verdict { verified: true, status: Status::Verified, reason: None, attempts_left: 2 };
        assert_eq!(approve(&pending(2), NOW), verdict);
        let again = Verdict { verified: false, reason: Some(Reason::AlreadyUsed), ..verdict };
        assert_eq!(approve(&Standing { status: Status::Verified, ..pending(2) }, NOW), again);
        assert_eq!(approve(&pending(2), LATER).reason, Some(Reason::Expired));
        assert_eq!(approve(&Standing { status: Status::Locked, ..pending(0) }, NOW).reason, Some(Reason::Locked));
    }

    #[test]
    fn for_another_context_no_code_is_right_and_the_attempt_is_counted() {
        let verdict =
            Verdict { verified: false, status: Status::Pending, reason: Some(Reason::WrongContext), attempts_left: 1 };
        assert_eq!(judge(&pending(2), Comparison::OtherContext, NOW), verdict);
        let last = judge(&pending(1), Comparison::OtherContext, NOW);
        assert_eq!((last.verified, last.status, last.reason), (false, Status::Locked, Some(Reason::Locked)));
    }

    #[test]
    fn a_code_is_valid_until_its_lifetime_ends_and_not_at_its_end() {
        let last = LATER - std::time::Duration::from_millis(1);
        assert!(judge(&pending(1), Comparison::Same, last).verified);
        let verdict =
            Verdict { verified: false, status: Status::Expired, reason: Some(Reason::Expired), attempts_left: 1 };
        assert_eq!(judge(&pending(1), Comparison::Same, LATER), verdict);
        assert_eq!(judge(&pending(1), Comparison::OtherCode, LATER), verdict);
    }

    #[test]
    fn an_otp_without_attempts_is_locked_even_for_the_right_code() {
        let verdict = judge(&pending(0), Comparison::Same, NOW);
        assert_eq!((verdict.verified, verdict.status, verdict.reason), (false, Status::Locked, Some(Reason::Locked)));
    }

    #[test]
    fn of_200_wrong_guesses_exactly_the_allowed_ones_are_counted() {
        let mut otp = pending(5);
        let reasons: Vec<_> = (0..200).map(|_| attempt(&mut otp, false, NOW).reason).collect();
        assert_eq!(reasons[..4], [Some(Reason::WrongCode); 4]);
        assert_eq!(reasons[4..], [Some(Reason::Locked); 196]);
        assert_eq!(otp.attempts_left, 0);
    }

    proptest! {
        #[test]
        fn a_drawn_code_reads_back_as_itself_however_it_is_spaced(
            alphabet in prop::sample::select(ALPHABETS.to_vec()), n in 4_u64..=10, seed: Vec<u32>, spacing in "[ -]{0,4}",
        ) {
            let mut numbers = seed.into_iter().chain(std::iter::repeat(7));
            let drawn = draw(alphabet, length(n), |bound| numbers.next().unwrap() % bound);
            prop_assert_eq!(drawn.expose().len() as u64, n);
            let typed = drawn.expose().to_lowercase().replace("", &spacing);
            prop_assert_eq!(normalise(&code(&typed)), drawn);
        }

        #[test]
        fn any_row_of_attempts_verifies_at_most_once_and_never_after_a_lock(
            attempts in 0_u8..=20, guesses in prop::collection::vec((any::<bool>(), 0_i64..3_000), 0..60),
        ) {
            let mut otp = pending(attempts);
            let (mut verified, mut wrong, mut now) = (0, 0, 0);
            for (matches, at) in guesses {
                now = now.max(at);
                let before = otp;
                let verdict = attempt(&mut otp, matches, Moment::from_millis(now));
                verified += u8::from(verdict.verified);
                wrong += before.attempts_left - verdict.attempts_left - u8::from(verdict.verified);
                prop_assert_eq!(verdict.verified, verdict.reason.is_none());
                prop_assert!(!verdict.verified || (matches && before.status == Status::Pending && now < 2_000));
            }
            prop_assert!(verified <= 1);
            prop_assert!(wrong + verified <= attempts);
        }

        #[test]
        fn anything_typed_can_be_read(typed: String) {
            let once = normalise(&code(&typed));
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
