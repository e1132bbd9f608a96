//! What modems of each family are like at their port: the data of all families, and nothing else.
//!
//! The figures and lines are from the makers' AT manuals and from what drivers of these modems have learnt; where a
//! family has many models, one common model stands for it. To add a family, add a name and a `Profile` here.

use serde::{Deserialize, Serialize};

/// A family of modems.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// As 3GPP TS 27.005 and 27.007 say, without any quirk.
    #[default]
    Generic,
    /// Huawei sticks and modules.
    Huawei,
    /// ZTE sticks.
    Zte,
    /// Quectel modules.
    Quectel,
    /// SIMCom modules.
    Simcom,
    /// Sierra Wireless modules.
    Sierra,
    /// Telit modules.
    Telit,
    /// u-blox modules.
    #[serde(rename = "u-blox")]
    Ublox,
    /// Cinterion, Gemalto and Thales modules.
    Cinterion,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Generic,
        Self::Huawei,
        Self::Zte,
        Self::Quectel,
        Self::Simcom,
        Self::Sierra,
        Self::Telit,
        Self::Ublox,
        Self::Cinterion,
    ];

    /// Its name on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.profile().name
    }

    pub(super) const fn profile(self) -> &'static Profile {
        match self {
            Self::Generic => &GENERIC,
            Self::Huawei => &HUAWEI,
            Self::Zte => &ZTE,
            Self::Quectel => &QUECTEL,
            Self::Simcom => &SIMCOM,
            Self::Sierra => &SIERRA,
            Self::Telit => &TELIT,
            Self::Ublox => &UBLOX,
            Self::Cinterion => &CINTERION,
        }
    }
}

impl std::str::FromStr for Family {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|family| family.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("choose one of {names}")
        })
    }
}

/// What a family says and refuses. Times are milliseconds; `{…}` in a line stands for what its comment says.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: &'static str,
    pub(super) manufacturer: &'static str,
    pub(super) model: &'static str,
    pub(super) firmware: &'static str,
    /// After power-up nothing is read or said for so long.
    pub(super) boot_time: u64,
    /// What is said after power-up, and when.
    pub(super) boot: &'static [(u64, &'static str)],
    /// What is said once the SIM can be used: after power-up without a PIN, after the PIN, after the SIM was put in.
    pub(super) ready: &'static [(u64, &'static str)],
    /// How long the SIM is busy after its PIN.
    pub(super) busy_after_pin: u64,
    /// What is said over and over.
    pub(super) periodic: Option<Periodic>,
    /// Commands of its own: the name, and the answer to a question.
    pub(super) knows: &'static [(&'static str, &'static str)],
    /// What it refuses although it offers it: the command, its parameters (`_` for any; what is left out is any), and
    /// the final result.
    pub(super) refuses: &'static [(&'static str, &'static [&'static str], &'static str)],
    /// The answer to a command that it does not know.
    pub(super) unknown: &'static str,
    /// `AT+CNMI=?`.
    pub(super) cnmi: [&'static str; 5],
    /// The storages to read from (and delete), to write to (and send), and to receive into.
    pub(super) storages: [&'static [&'static str]; 3],
    /// `AT+CSMS=?`.
    pub(super) csms: &'static [u8],
    /// The commands that tell the SIM's serial number.
    pub(super) iccid: &'static [&'static str],
    /// The command that tells how many tries are left, and its answer: `{pin}`, `{puk}`, `{pin2}`, `{puk2}`, `{left}` of
    /// what is asked for now.
    pub(super) counter: (&'static str, &'static str),
    pub(super) prompt: &'static str,
    /// Whether ESC in the prompt is answered.
    pub(super) answers_escape: bool,
    /// Said when a storage (`{storage}`) is full.
    pub(super) full: &'static str,
    /// Said when the SIM is taken out and put in.
    pub(super) card_out: &'static str,
    pub(super) card_in: &'static str,
    /// A stored message or report: `{name}`, `{storage}`, `{index}`.
    pub(super) stored: &'static str,
    /// Before the length of a status report.
    pub(super) report: &'static str,
    /// After an unsolicited line.
    pub(super) line_end: &'static str,
    pub(super) codes: Codes,
    /// How long its port is gone after `AT+CFUN=1,1`; none where it stays.
    pub(super) restart: Option<u64>,
    /// The longest command line.
    pub(super) longest_line: usize,
}

/// What is said over and over.
#[derive(Debug)]
pub(super) struct Periodic {
    pub(super) every: u64,
    /// `{signal}` is the level.
    pub(super) lines: &'static [&'static str],
    /// The command line that ends it, until the next power-up.
    pub(super) ended_by: &'static str,
}

/// The numbers of `+CMS ERROR` that makers choose themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codes {
    /// The PDU or its length is wrong.
    pub(super) pdu: u16,
    /// The SIM cannot be used yet.
    pub(super) busy: u16,
    /// There is no network.
    pub(super) no_network: u16,
}

const GENERIC: Profile = Profile {
    name: "generic",
    manufacturer: "smsotpd",
    model: "Simulated Modem",
    firmware: env!("CARGO_PKG_VERSION"),
    boot_time: 0,
    boot: &[],
    ready: &[],
    busy_after_pin: 0,
    periodic: None,
    knows: &[],
    refuses: &[],
    unknown: "ERROR",
    cnmi: ["0-3", "0-3", "0,2", "0-2", "0,1"],
    storages: [&["SM", "ME", "SR"], &["SM", "ME"], &["SM", "ME"]],
    csms: &[0, 1],
    iccid: &["+CCID", "+ICCID"],
    counter: (
        "+CPINR",
        "+CPINR: SIM PIN,{pin},3\r\n+CPINR: SIM PUK,{puk},10\r\n\
         +CPINR: SIM PIN2,{pin2},3\r\n+CPINR: SIM PUK2,{puk2},10",
    ),
    prompt: "\r\n> ",
    answers_escape: true,
    full: "+CIEV: 8,1",
    card_out: "+CPIN: NOT INSERTED",
    card_in: "+CPIN: READY",
    stored: "{name}: \"{storage}\",{index}",
    report: "+CDS: ",
    line_end: "\r\n",
    codes: Codes { pdu: 304, busy: 314, no_network: 331 },
    restart: None,
    longest_line: 1_024,
};

/// Reports on mode 2 with ds 2 and all storages on the SIM; `^CURC=0` before the periodic lines drown it; errors of its
/// own (`TOO MANY PARAMETERS`, `COMMAND NOT SUPPORT`); CMMS refused with 500 (E1752).
const HUAWEI: Profile = Profile {
    name: "huawei",
    manufacturer: "huawei",
    model: "E3372",
    firmware: "21.180.01.00.00",
    boot: &[(500, "^BOOT:21850123,0,0,0,71"), (800, "^SIMST:1"), (1_000, "^SRVST:2"), (1_500, "^MODE:5,4")],
    busy_after_pin: 3_000,
    periodic: Some(Periodic {
        every: 3_000,
        lines: &["^RSSI:{signal}", "^BOOT:21850123,0,0,0,71", "^DSFLOWRPT:0000000A,0,0,0,0,0,0"],
        ended_by: "^CURC=0",
    }),
    knows: &[
        ("^CURC", "^CURC: 1"),
        ("^PORTSEL", "^PORTSEL: 0"),
        ("^U2DIAG", "^U2DIAG: 0"),
        ("^SYSINFO", "^SYSINFO:2,3,0,5,1"),
    ],
    refuses: &[
        ("+CNMI", &["_", "_", "_", "1"], "+CMS ERROR: 302"),
        ("+CMMS", &[], "+CMS ERROR: 500"),
        ("+CNMA", &[], "+CMS ERROR: 302"),
        ("+CPMS", &["ME"], "+CMS ERROR: 302"),
    ],
    unknown: "COMMAND NOT SUPPORT",
    cnmi: ["0-2", "0-3", "0,2", "0-2", "0,1"],
    storages: [&["SM"], &["SM"], &["SM"]],
    iccid: &["^ICCID", "+ICCID"],
    counter: ("^CPIN", "^CPIN: {state},,{puk},{pin},{puk2},{pin2}"),
    full: "^SMMEMFULL: \"{storage}\"",
    card_out: "^SIMST:255",
    card_in: "^SIMST:1",
    restart: Some(8_000),
    ..GENERIC
};

/// Offers mode 2 and refuses it; drowns in `+ZUSIMR` until `+CPMS?`; an extra comma in `+CDS`.
const ZTE: Profile = Profile {
    name: "zte",
    manufacturer: "ZTE INCORPORATED",
    model: "MF190",
    firmware: "BD_MF190V1.0.0B01",
    boot: &[(500, "+ZDONR: \"Simulated\",001,01,\"CS_PS\",\"ROAM_OFF\""), (700, "+ZPASR: \"UMTS\"")],
    busy_after_pin: 2_000,
    periodic: Some(Periodic { every: 2_000, lines: &["+ZUSIMR:2", "+ZPASR: \"UMTS\""], ended_by: "+CPMS?" }),
    knows: &[("+ZOPRT", "+ZOPRT: 5"), ("+ZCDRUN", "")],
    refuses: &[("+CNMI", &["2"], "+CMS ERROR: 302"), ("+CNMI", &["_", "_", "_", "1"], "+CMS ERROR: 302")],
    iccid: &["+ZGETICCID", "+CCID"],
    counter: ("+ZPINPUK", "+ZPINPUK: {pin},{puk}"),
    report: "+CDS: ,",
    restart: Some(6_000),
    ..GENERIC
};

/// Says when it is ready; full storages by `+QIND`; 512 for a SIM that is not ready and 513 for a wrong length.
const QUECTEL: Profile = Profile {
    name: "quectel",
    manufacturer: "Quectel",
    model: "EC25",
    firmware: "EC25EFAR06A06M4G",
    boot_time: 200,
    boot: &[(200, "RDY"), (300, "+CFUN: 1")],
    ready: &[(500, "+CPIN: READY"), (600, "+QUSIM: 1"), (900, "+QIND: SMS DONE"), (1_500, "+QIND: PB DONE")],
    knows: &[
        ("+QURCCFG", "+QURCCFG: \"urcport\",\"usbat\""),
        ("+QINDCFG", "+QINDCFG: \"smsfull\",1"),
        ("+QCFG", "+QCFG: \"ims\",0,0"),
        ("+QINISTAT", "+QINISTAT: 7"),
    ],
    cnmi: ["0-2", "0-3", "0,2", "0-2", "0,1"],
    iccid: &["+QCCID", "+CCID"],
    counter: ("+QPINC", "+QPINC: \"SC\",{pin},{puk}\r\n+QPINC: \"P2\",{pin2},{puk2}"),
    full: "+QIND: \"smsfull\",\"{storage}\"",
    card_out: "+CPIN: NOT READY",
    codes: Codes { pdu: 513, busy: 512, no_network: 331 },
    restart: Some(10_000),
    ..GENERIC
};

/// Says when it is ready, late; two carriage returns after what is unsolicited.
const SIMCOM: Profile = Profile {
    name: "simcom",
    manufacturer: "SIMCOM INCORPORATED",
    model: "SIMCOM_SIM7600E-H",
    firmware: "LE20B04SIM7600M22",
    boot_time: 500,
    boot: &[(500, "RDY"), (700, "*ATREADY: 1")],
    ready: &[(1_000, "+CPIN: READY"), (3_000, "SMS DONE"), (6_000, "PB DONE")],
    knows: &[
        ("+CNSMOD", "+CNSMOD: 0,8"),
        ("+AUTOCSQ", "+AUTOCSQ: 0,1"),
        ("+CPSI", "+CPSI: LTE,Online"),
        ("+CSCLK", ""),
    ],
    iccid: &["+CICCID", "+ICCID", "+CCID"],
    counter: ("+SPIC", "+SPIC: {pin},{puk},{pin2},{puk2}"),
    full: "+SMS FULL",
    card_out: "+CPIN: NOT INSERTED",
    line_end: "\r\r\n",
    codes: Codes { pdu: 513, busy: 512, no_network: 331 },
    restart: Some(12_000),
    ..GENERIC
};

/// Offers mode 2 and ds 1 and refuses both, as many with a Qualcomm chip do.
const SIERRA: Profile = Profile {
    name: "sierra",
    manufacturer: "Sierra Wireless, Incorporated",
    model: "MC7455",
    firmware: "SWI9X30C_02.33.03.00",
    knows: &[("!ENTERCND", ""), ("!GSTATUS", "!GSTATUS:"), ("!PCOFFEN", "0")],
    refuses: &[("+CNMI", &["2"], "+CMS ERROR: 303"), ("+CNMI", &["_", "_", "_", "1"], "+CMS ERROR: 303")],
    counter: ("+CPINC", "+CPINC: {pin},{pin2},{puk},{puk2}"),
    codes: Codes { pdu: 304, busy: 606, no_network: 331 },
    restart: Some(15_000),
    ..GENERIC
};

/// Its port is there long before it answers; ESC in the prompt is not answered; a line has 400 characters at most.
const TELIT: Profile = Profile {
    name: "telit",
    manufacturer: "Telit",
    model: "LE910C1-EU",
    firmware: "25.20.210",
    boot_time: 20_000,
    ready: &[(21_000, "#QSS: 1"), (22_000, "#QSS: 2"), (24_000, "#QSS: 3")],
    knows: &[
        ("#QSS", "#QSS: 0,1"),
        ("#PORTCFG", "#PORTCFG: 0,0"),
        ("#USBCFG", "#USBCFG: 0"),
        ("#SIMDET", "#SIMDET: 2,1"),
    ],
    iccid: &["#CCID", "+CCID"],
    counter: ("#PCT", "#PCT: {left}"),
    answers_escape: false,
    card_out: "#QSS: 0",
    card_in: "#QSS: 1",
    codes: Codes { pdu: 304, busy: 512, no_network: 515 },
    restart: Some(10_000),
    longest_line: 400,
    ..GENERIC
};

/// Says `+AT: READY` some time after its port is there; no space after `>`; codes of its own for everything.
const UBLOX: Profile = Profile {
    name: "u-blox",
    manufacturer: "u-blox",
    model: "LARA-R6001",
    firmware: "00.13",
    boot_time: 5_000,
    boot: &[(5_000, "+AT: READY")],
    ready: &[(7_000, "+PBREADY")],
    knows: &[("+UMWI", "+UMWI: 0"), ("+UPSV", "+UPSV: 0")],
    counter: ("+UPINCNT", "+UPINCNT: {pin},{pin2},{puk},{puk2}"),
    prompt: "\r\n>",
    card_out: "+CPIN: NOT INSERTED",
    codes: Codes { pdu: 530, busy: 314, no_network: 604 },
    restart: Some(15_000),
    ..GENERIC
};

/// Says `^SYSSTART`; has no status reports over AT and only bfr 1 (PHS8); a space within `+CMTI`.
const CINTERION: Profile = Profile {
    name: "cinterion",
    manufacturer: "Cinterion",
    model: "PHS8-E",
    firmware: "REVISION 04.001",
    boot_time: 1_000,
    boot: &[(1_000, "^SYSSTART")],
    ready: &[(2_500, "+CIEV: simstatus,5")],
    knows: &[("^SIND", "^SIND: simstatus,1,5"), ("^SCKS", "^SCKS: 1,1"), ("^SSRVSET", "^SSRVSET: 1"), ("^SCFG", "")],
    cnmi: ["0-2", "0,1", "0,2", "0", "1"],
    csms: &[0, 1],
    counter: ("^SPIC", "^SPIC: {left}"),
    full: "^SMGO: 2",
    card_out: "^SCKS: 0",
    card_in: "^SCKS: 1",
    stored: "{name}: \"{storage}\", {index}",
    codes: Codes { pdu: 549, busy: 532, no_network: 331 },
    restart: Some(10_000),
    ..GENERIC
};
