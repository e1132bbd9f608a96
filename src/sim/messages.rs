//! Choosing, listing, reading and deleting what is stored: `+CPMS`, `+CMGL`, `+CMGR`, `+CMGD`
//! (3GPP TS 27.005 §3.2.2, 3.4.2, 3.4.3, 3.5.4, 4.1, 4.2).

use super::answer::Failure;
use super::command::{Operation, Parameters};
use super::session::{Answer, Flow, Session};
use super::storage::{Status, StorageName, Stored};
use super::text_mode;

impl Session {
    pub(super) fn storages(&mut self, name: &str, operation: &Operation) -> Option<Answer> {
        Some(match name {
            "+CPMS" => self.preferred(operation),
            "+CMGL" => self.list(operation),
            "+CMGR" => self.read_one(operation),
            "+CMGD" => self.delete(operation),
            _ => return None,
        })
    }

    fn preferred(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Test => {
                let offered = self.profile().storages.map(|names| format!("(\"{}\")", names.join("\",\"")));
                self.inform(format!("+CPMS: {}", offered.join(",")));
            }
            Operation::Read => {
                let storages = self.attributes.storages;
                let uses = storages.map(|name| format!("\"{}\",{}", name.text(), self.usage(name)));
                self.inform(format!("+CPMS: {}", uses.join(",")));
            }
            Operation::Set(parameters) => {
                let mut storages = self.attributes.storages;
                for (place, storage) in storages.iter_mut().enumerate() {
                    if let Some(text) = parameters.text(place) {
                        let name = StorageName::read(text).ok_or(Failure::Message(302))?;
                        if !self.profile().storages[place].contains(&text) {
                            return Err(Failure::Message(302));
                        }
                        *storage = name;
                    }
                }
                self.attributes.storages = storages;
                let uses = storages.map(|name| self.usage(name));
                self.inform(format!("+CPMS: {}", uses.join(",")));
            }
            Operation::Execute => return Err(Failure::Syntax),
        }
        Ok(Flow::Done)
    }

    /// `<used>,<total>`.
    fn usage(&self, name: StorageName) -> String {
        let mut memory = self.device.memory();
        let storage = memory.storage(name);
        format!("{},{}", storage.used(), storage.total())
    }

    fn list(&mut self, operation: &Operation) -> Answer {
        let wanted = match operation {
            Operation::Test if self.attributes.text_mode => {
                self.inform("+CMGL: (\"REC UNREAD\",\"REC READ\",\"STO UNSENT\",\"STO SENT\",\"ALL\")");
                return Ok(Flow::Done);
            }
            Operation::Test => {
                self.inform("+CMGL: (0-4)");
                return Ok(Flow::Done);
            }
            Operation::Execute => Some(Status::Unread),
            Operation::Set(parameters) => self.wanted(parameters)?,
            Operation::Read => return Err(Failure::Syntax),
        };
        for line in self.listed(wanted) {
            self.inform(line);
        }
        Ok(Flow::Done)
    }

    /// The status to list; none for all.
    fn wanted(&self, parameters: &Parameters) -> Result<Option<Status>, Failure> {
        if self.attributes.text_mode {
            return match parameters.text(0).unwrap_or("REC UNREAD") {
                text if text.eq_ignore_ascii_case("ALL") => Ok(None),
                text => Status::read(text).map(Some).ok_or(Failure::TEXT),
            };
        }
        match parameters.number(0).map_err(|_| Failure::PDU)?.unwrap_or(0) {
            4 => Ok(None),
            number => Status::from_number(number).map(Some).ok_or(Failure::PDU),
        }
    }

    /// The lines of a listing. What is listed counts as read.
    fn listed(&self, wanted: Option<Status>) -> Vec<Vec<u8>> {
        let mut memory = self.device.memory();
        let mut lines = Vec::new();
        for (index, stored) in memory.storage(self.attributes.storages[0]).iter_mut() {
            if wanted.is_some_and(|status| stored.status != status) {
                continue;
            }
            let (fields, data) = self.shown(stored, true);
            lines.push(format!("+CMGL: {index},{fields}").into_bytes());
            lines.extend(data);
            mark_read(stored);
        }
        lines
    }

    fn read_one(&mut self, operation: &Operation) -> Answer {
        let parameters = match operation {
            Operation::Test => return Ok(Flow::Done),
            Operation::Set(parameters) => parameters,
            _ => return Err(Failure::Syntax),
        };
        let index = index(parameters)?;
        let shown = {
            let mut memory = self.device.memory();
            let stored = memory.storage(self.attributes.storages[0]).get_mut(index).ok_or(Failure::INDEX)?;
            let shown = self.shown(stored, false);
            mark_read(stored);
            shown
        };
        self.inform(format!("+CMGR: {}", shown.0));
        if let Some(data) = shown.1 {
            self.inform(data);
        }
        Ok(Flow::Done)
    }

    /// The fields from `<stat>` on, and the line below.
    fn shown(&self, stored: &Stored, in_listing: bool) -> (String, Option<Vec<u8>>) {
        if !self.attributes.text_mode {
            let fields = format!("{},,{}", stored.status as u8, stored.frame.length());
            return (fields, Some(stored.frame.to_hex().unwrap_or_default().into_bytes()));
        }
        let shown = if in_listing { text_mode::listing } else { text_mode::reading };
        let (fields, data) = shown(&stored.message, &stored.frame, &self.attributes);
        (format!("\"{}\",{fields}", stored.status.text()), data)
    }

    fn delete(&mut self, operation: &Operation) -> Answer {
        let name = self.attributes.storages[0];
        let parameters = match operation {
            Operation::Test => {
                let places: Vec<String> = {
                    let mut memory = self.device.memory();
                    memory.storage(name).iter_mut().map(|(index, _)| index.to_string()).collect()
                };
                self.inform(format!("+CMGD: ({}),(0-4)", places.join(",")));
                return Ok(Flow::Done);
            }
            Operation::Set(parameters) => parameters,
            _ => return Err(Failure::Syntax),
        };
        let deletes_nothing = self.device.faults().take_deletes_nothing();
        let statuses: &[Status] = match parameters.choice(1, &[0, 1, 2, 3, 4], 0)? {
            0 => {
                let index = index(parameters)?;
                let mut memory = self.device.memory();
                if !memory.storage(name).has_place(index) {
                    return Err(Failure::INDEX);
                }
                if !deletes_nothing {
                    memory.storage(name).delete(index);
                }
                return Ok(Flow::Done);
            }
            1 => &[Status::Read],
            2 => &[Status::Read, Status::Sent],
            3 => &[Status::Read, Status::Sent, Status::Unsent],
            _ => &[Status::Read, Status::Sent, Status::Unsent, Status::Unread],
        };
        if !deletes_nothing {
            self.device.memory().storage(name).delete_all(statuses);
        }
        Ok(Flow::Done)
    }
}

fn mark_read(stored: &mut Stored) {
    if stored.status == Status::Unread {
        stored.status = Status::Read;
    }
}

fn index(parameters: &Parameters) -> Result<usize, Failure> {
    parameters.number(0).ok().flatten().and_then(|index| usize::try_from(index).ok()).ok_or(Failure::INDEX)
}
