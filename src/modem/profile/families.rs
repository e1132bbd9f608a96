//! The families. What is not said of one is as for [`GENERIC`]; `hardware.md` says which modems to buy.

use std::time::Duration;

use super::codes;
use super::shape::{Acknowledgement, Profile};
use crate::at::{CardNumber, Codes, Counter, Manners, Remark};
use crate::message::FailureClass::{Modem, Network};

/// Reports stored, since a stored one also waits for a daemon that is away, else printed; in mode 2, else another.
pub(super) const GENERIC: Profile = Profile {
    name: "generic",
    manners: *Manners::PLAIN,
    makers: &[],
    models: &[],
    first: &[],
    with_card: &[],
    modes: &[2, 1, 3],
    reports: &[2, 1, 0],
    acknowledgement: Acknowledgement::Plain,
    storages: &["SR", "SM", "ME"],
    card_number: CardNumber::Ccid,
    counter: Counter::Standard,
    after_unlock: Duration::ZERO,
    restart: "AT+CFUN=1,1",
    ims: None,
};

/// On a line that is truly serial (ITU-T V.250 §5.6).
const SERIAL: Duration = Duration::from_millis(100);

/// The order matters where two names stand in one answer: `Telit Cinterion` speaks as Telit does.
pub(super) const ALL: &[Profile] =
    &[HUAWEI, ZTE, QUECTEL, SIMCOM, SIERRA, TELIT, UBLOX, CINTERION, FIBOCOM, ERICSSON, NOVATEL, OPTION, WAVECOM];

/// Sticks and MU/ME modules. `^CURC=0` comes before all else: their periodic reports can fill their own buffers and
/// crash them (ModemManager). `^BOOT` is none of their restarts: some say it every few seconds (gammu issue 138). One
/// mode fits all sticks that asterisk-chan-dongle drives, with all storages on the card.
const HUAWEI: Profile = Profile {
    name: "huawei",
    makers: &["huawei"],
    models: &["MU609", "MU709", "ME906", "ME909", "E3372", "E3131"],
    first: &["AT^CURC=0", "AT^PORTSEL=0"],
    with_card: &["AT+CPMS=\"SM\",\"SM\",\"SM\""],
    modes: &[2, 1],
    acknowledgement: Acknowledgement::Never,
    storages: &["SM", "SR", "ME"],
    card_number: CardNumber::Huawei,
    counter: Counter::Huawei,
    after_unlock: Duration::from_secs(3),
    manners: Manners {
        remarks: &[
            ("^SMMEMFULL", Remark::StorageFull),
            ("^CEND", Remark::CallOver),
            ("^SIMST:255", Remark::CardGone),
            ("^SIMST:1", Remark::Ready),
        ],
        codes: &Codes { cme: &[(257, 257, Network, "the network rejected the request")], ..*Codes::NONE },
        ..*Manners::PLAIN
    },
    ..GENERIC
};

/// `+CPMS?` after the PIN, or `+ZUSIMR: 2` floods their buffer and crashes them (ModemManager). Many promise mode 2 and
/// then refuse it (oFono).
const ZTE: Profile = Profile {
    name: "zte",
    makers: &["zte"],
    models: &["MF1", "MF6", "MF8"],
    with_card: &["AT+CPMS?"],
    modes: &[1, 2],
    acknowledgement: Acknowledgement::Never,
    counter: Counter::Zte,
    after_unlock: Duration::from_secs(1),
    ..GENERIC
};

/// What they say by themselves goes to one port, chosen once and kept through restarts; to all of them where the firmware
/// can (EC25 manual §2.24).
const QUECTEL: Profile = Profile {
    name: "quectel",
    makers: &["quectel"],
    models: &["EC2", "EG2", "EG9", "EG06", "EM06", "EM12", "BG9", "UC20", "RM5"],
    first: &[
        "AT+QURCCFG=\"urcport\",\"all\"",
        "AT+QINDCFG=\"csq\",0",
        "AT+QINDCFG=\"smsfull\",1",
        "AT+QCFG=\"urc/cache\",0",
    ],
    storages: &["SR", "ME", "SM"],
    card_number: CardNumber::Quectel,
    counter: Counter::Quectel,
    ims: Some("AT+QCFG=\"ims\""),
    manners: Manners {
        remarks: &[
            ("+QIND: smsfull", Remark::StorageFull),
            ("+QIND: SMS DONE", Remark::Ready),
            ("+QIND: PB DONE", Remark::Ready),
            ("+QUSIM: 1", Remark::Ready),
        ],
        codes: &codes::QUECTEL_AND_SIMCOM,
        ..*Manners::PLAIN
    },
    ..GENERIC
};

/// A sleeping serial line loses what it is told first, so it does not sleep. They take no acknowledgement of messages
/// (oFono).
const SIMCOM: Profile = Profile {
    name: "simcom",
    makers: &["simcom"],
    models: &["SIMCOM", "SIM7", "SIM8", "SIM9", "SIM5", "A7670", "A7672", "A7600", "A7608", "A7682"],
    first: &["AT+CSCLK=0", "AT+CNSMOD=0", "AT+AUTOCSQ=0", "AT+CLCC=0"],
    modes: &[1, 2],
    acknowledgement: Acknowledgement::Never,
    card_number: CardNumber::Simcom,
    counter: Counter::Simcom,
    restart: "AT+CRESET",
    manners: Manners {
        remarks: &[("*ATREADY: 1", Remark::Boot)],
        codes: &codes::QUECTEL_AND_SIMCOM,
        ..*Manners::PLAIN
    },
    ..GENERIC
};

/// 606 is of the HL78xx manual 41111821.
const SIERRA: Profile = Profile {
    name: "sierra",
    makers: &["sierra"],
    models: &["MC73", "MC74", "EM73", "EM74", "EM75", "EM91", "WP76", "WP77", "HL78"],
    card_number: CardNumber::Sierra,
    counter: Counter::Sierra,
    restart: "AT!RESET",
    manners: Manners {
        codes: &Codes { cms: &[(606, 606, Modem, "the modem is busy")], ..*Codes::NONE },
        ..*Manners::PLAIN
    },
    ..GENERIC
};

/// They want 20 ms after the end of an answer. HE910 listens for reports on one port and wants `+CNMI` on both of them;
/// the other is not open here, and the sweep of the storages finds what it was told.
const TELIT: Profile = Profile {
    name: "telit",
    makers: &["telit"],
    models: &["LE910", "LE920", "HE910", "UE910", "GE910", "ME910", "ME310", "LN940", "LM9", "FN9", "UC864", "GM862"],
    first: &["AT#QSS=1"],
    card_number: CardNumber::Telit,
    counter: Counter::Telit,
    restart: "AT#REBOOT",
    manners: Manners {
        pace: Duration::from_millis(20),
        remarks: &[("#QSS: 0", Remark::CardGone), ("#QSS: 3", Remark::Ready)],
        codes: &codes::TELIT,
        ..*Manners::PLAIN
    },
    ..GENERIC
};

/// The slowest of them, SARA-R4, wants 100 ms between answer and command (ubxlib), and no restart but this.
const UBLOX: Profile = Profile {
    name: "u-blox",
    makers: &["blox", "ublox"],
    models: &["SARA", "LARA", "TOBY", "LISA", "LENA", "LEON"],
    first: &["AT+UPSV=0", "AT+UMWI=0"],
    counter: Counter::Ublox,
    restart: "AT+CFUN=15",
    manners: Manners {
        pace: SERIAL,
        remarks: &[("+AT: READY", Remark::Boot), ("+PBREADY", Remark::Ready)],
        codes: &codes::UBLOX,
        ..*Manners::PLAIN
    },
    ..GENERIC
};

/// Siemens, Gemalto, Thales. What they say by themselves goes to one of two ports; the one for applications is where a
/// driver sits. They want an acknowledgement with its number (oFono); some offer no reports at all (PHS8).
const CINTERION: Profile = Profile {
    name: "cinterion",
    makers: &["cinterion", "gemalto", "thales", "siemens"],
    models: &["PHS8", "PLS8", "PLS6", "EHS", "EXS", "ELS", "BGS", "TC35", "TC65", "MC35", "MC55"],
    first: &["AT^SCFG=\"URC/DstIfc\",\"app\"", "AT^SCKS=1"],
    acknowledgement: Acknowledgement::Numbered(1),
    card_number: CardNumber::Cinterion,
    counter: Counter::Cinterion,
    manners: Manners {
        pace: SERIAL,
        remarks: &[
            ("^SYSSTART", Remark::Boot),
            ("^SCKS: 0", Remark::CardGone),
            ("^SCKS: 1", Remark::Ready),
            ("^SBC: Undervoltage", Remark::WeakPower),
        ],
        codes: &codes::CINTERION,
        ..*Manners::PLAIN
    },
    ..GENERIC
};

const FIBOCOM: Profile = Profile {
    name: "fibocom",
    makers: &["fibocom"],
    models: &["L610", "L850", "L860", "MA510", "NL668", "FM150"],
    restart: "AT+CFUN=15",
    manners: Manners {
        remarks: &[
            ("+SIM READY", Remark::Ready),
            ("+SIM: Inserted", Remark::Ready),
            ("+SIM: Removed", Remark::CardGone),
        ],
        ..*Manners::PLAIN
    },
    ..GENERIC
};

/// Modules of Ericsson's mobile broadband.
const ERICSSON: Profile = Profile {
    name: "ericsson",
    makers: &["ericsson"],
    models: &["F3507", "F3607", "F5521"],
    first: &["AT+CFUN=1"],
    manners: Manners { remarks: &[("*EMRDY: 1", Remark::Boot)], ..*Manners::PLAIN },
    ..GENERIC
};

/// They hand reports out and then take no acknowledgement of them, until they hang (ModemManager, oFono): reports are
/// stored or not had.
const NOVATEL: Profile = Profile {
    name: "novatel",
    makers: &["novatel"],
    modes: &[1, 2],
    reports: &[2, 0],
    acknowledgement: Acknowledgement::Never,
    ..GENERIC
};

/// The acknowledgement with this number is oFono's finding.
const OPTION: Profile =
    Profile { name: "option", makers: &["option"], acknowledgement: Acknowledgement::Numbered(0), ..GENERIC };

/// Fastrack and its like, on slow serial lines: gammu gives every modem 100 ms before its PDU and more after it, which
/// only these are given here.
const WAVECOM: Profile = Profile {
    name: "wavecom",
    makers: &["wavecom"],
    models: &["FASTRACK"],
    manners: Manners { pace: SERIAL, gap: Duration::from_millis(100), codes: &codes::WAVECOM, ..*Manners::PLAIN },
    ..GENERIC
};
