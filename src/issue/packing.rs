//! What is kept, sealed, so that a code can be sent again: the code, and below it what the request wanted its message to
//! say, if it wanted anything.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::secret::{Code, Text};
use crate::template::{AppHash, Domain, Locale, Template};
use crate::wording::Wish;

/// What it takes to send a code again.
pub(super) struct Packed {
    pub(super) code: Code,
    /// What the request wanted the message to say.
    pub(super) wish: Wish,
    /// Whether the app brought the code: then it is not the daemon's to replace.
    pub(super) brought: bool,
}

/// All but the code, as it is written.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<Locale>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Domain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_hash: Option<AppHash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payee: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    brought: bool,
}

impl Packed {
    pub(super) fn pack(&self) -> Text {
        let Self { code, wish, brought } = self;
        if *wish == Wish::default() && !brought {
            return Text::new(code.expose().to_owned());
        }
        let Wish { locale, template, domain, app_hash, payee, amount } = wish;
        let kept = Kept {
            locale: locale.clone(),
            template: template.clone(),
            domain: domain.clone(),
            app_hash: app_hash.clone(),
            payee: payee.as_ref().map(|payee| payee.expose().into()),
            amount: amount.as_ref().map(|amount| amount.expose().into()),
            brought: *brought,
        };
        // Only texts, which always serialise.
        let kept = serde_json::to_string(&kept).unwrap_or_default();
        Text::new([code.expose(), "\n", &kept].concat())
    }

    pub(super) fn unpack(packed: &Text) -> Self {
        let (code, kept) = packed.expose().split_once('\n').unwrap_or((packed.expose(), ""));
        let code = Code::new(code.to_owned());
        match serde_json::from_str(kept) {
            Ok(Kept { locale, template, domain, app_hash, payee, amount, brought }) => {
                let text = |text: Cow<'_, str>| Text::new(text.into_owned());
                let wish =
                    Wish { locale, template, domain, app_hash, payee: payee.map(text), amount: amount.map(text) };
                Self { code, wish, brought }
            }
            Err(_) => Self { code, wish: Wish::default(), brought: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let packed =
            |wish: &Wish, brought| Packed { code: Code::new("123456".to_owned()), wish: wish.clone(), brought }.pack();
        assert_eq!(packed(&Wish::default(), false).expose(), "123456");
        let wish = Wish {
            locale: Some("pt-BR".parse().unwrap()),
            template: Some("{code}\n{payee}".parse().unwrap()),
            domain: Some("example.com".parse().unwrap()),
            app_hash: Some("FA+9qCX9VSu".parse().unwrap()),
            payee: Some(Text::new("Zoë \"Z\"".to_owned())),
            amount: Some(Text::new("9 €".to_owned())),
        };
        for wish in [wish, Wish { locale: Some("de".parse().unwrap()), ..Wish::default() }, Wish::default()] {
            for brought in [false, true] {
                let opened = Packed::unpack(&packed(&wish, brought));
                assert_eq!((opened.code.expose(), opened.wish == wish, opened.brought), ("123456", true, brought));
            }
        }
    }
}
