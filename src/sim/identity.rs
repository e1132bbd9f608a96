//! Who the modem and its SIM are (3GPP TS 27.007 §5, 8.11, 8.12).

use super::answer::Failure;
use super::command::Operation;
use super::session::{Answer, Flow, Session, only_test};

impl Session {
    /// `ATI`.
    pub(super) fn identify(&mut self) {
        let settings = self.device.settings().clone();
        self.inform(settings.manufacturer);
        self.inform(settings.model);
        self.inform(format!("Revision: {}", settings.firmware));
    }

    pub(super) fn identity(&mut self, name: &str, operation: &Operation) -> Option<Answer> {
        let settings = self.device.settings();
        let line = match name {
            "+CGMI" | "+GMI" => settings.manufacturer.clone(),
            "+CGMM" | "+GMM" => settings.model.clone(),
            "+CGMR" | "+GMR" => settings.firmware.clone(),
            "+GCAP" => "+GCAP: +CGSM".to_owned(),
            "+CGSN" | "+GSN" => settings.imei.to_string(),
            "+CIMI" => self.device.memory().card.imsi.clone(),
            name if settings.family.profile().iccid.contains(&name) => {
                format!("{name}: {}", self.device.memory().card.iccid)
            }
            "+CNUM" => format!("+CNUM: \"\",\"{}\",145", settings.number.e164()),
            "+CPBS" | "+CPBR" => return Some(self.phone_book(name, operation)),
            _ => return None,
        };
        Some(only_test(operation).unwrap_or_else(|| match operation {
            // ICCID is asked for both ways.
            Operation::Execute | Operation::Read => {
                self.inform(line);
                Ok(Flow::Done)
            }
            _ => Err(Failure::PARAMETERS),
        }))
    }

    /// An empty phone book on the SIM.
    fn phone_book(&mut self, name: &str, operation: &Operation) -> Answer {
        match (name, operation) {
            ("+CPBS", Operation::Test) => self.inform("+CPBS: (\"SM\")"),
            ("+CPBS", Operation::Read) => self.inform("+CPBS: \"SM\",0,250"),
            ("+CPBS", Operation::Set(storage)) if storage.text(0) == Some("SM") => {}
            ("+CPBR", Operation::Test) => self.inform("+CPBR: (1-250),40,20"),
            ("+CPBR", Operation::Set(_)) => {}
            _ => return Err(Failure::NOT_ALLOWED),
        }
        Ok(Flow::Done)
    }
}
