//! Codes that an app brings of its own, in place of drawn ones.

use super::{CodeLength, normalise};
use crate::secret::Code;

/// A text that an app cannot bring as a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {least} to {most} digits and letters, a to z", least = CodeLength::LEAST.get(), most = CodeLength::MOST.get())]
pub struct BroughtError;

/// A code that an app brings of its own, in its normal form: 4 to 10 of 0 to 9 and A to Z.
///
/// # Errors
/// [`BroughtError`] when it cannot be one. It tells nothing of the text.
pub fn brought(code: &Code) -> Result<Code, BroughtError> {
    let code = normalise(code);
    let length = CodeLength::try_from(code.expose().len() as u64);
    let is_plain = code.expose().bytes().all(|byte| byte.is_ascii_alphanumeric());
    if length.is_ok() && is_plain { Ok(code) } else { Err(BroughtError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_brought_has_4_to_10_plain_digits_and_letters() {
        for (text, read) in
            [("4711", "4711"), ("ab-12 cd", "AB12CD"), ("１２３４", "1234"), ("ABCDEFGHIJ", "ABCDEFGHIJ")]
        {
            assert_eq!(brought(&Code::new(text.to_owned())).map(|code| code.expose().to_owned()).as_deref(), Ok(read));
        }
        for text in ["", "123", "12345678901", "é234", "12!4", "ⅣⅣⅣⅣ", "12\u{0}34"] {
            assert_eq!(brought(&Code::new(text.to_owned())), Err(BroughtError), "{text}");
        }
    }
}
