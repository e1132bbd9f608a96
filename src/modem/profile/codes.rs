//! Numbers of `+CMS ERROR` and `+CME ERROR` outside the standard's, where a maker has many. From gammu's tables, which
//! name the maker's manual for each, and for Wavecom from lists in Ruby's and Python's old drivers.

use crate::at::Codes;
use crate::message::FailureClass::{Card, Message, Modem, Network, Recipient, Sim, Unknown};

/// Quectel EC25 manual §21.6, SIM800 manual: both descend from one maker of chips.
pub(super) const QUECTEL_AND_SIMCOM: Codes = Codes {
    cms: &[
        (512, 512, Modem, "the SIM is not ready"),
        (513, 513, Message, "the message is too long for the modem"),
        (514, 514, Message, "the modem does not accept the parameters"),
        (515, 515, Modem, "the modem's memory failed"),
        (516, 516, Message, "the modem does not accept the kind of connection"),
        (517, 517, Modem, "the modem's message service is in the wrong mode"),
        (519, 519, Message, "the modem does not accept the message's format"),
        (520, 520, Modem, "the modem holds too many long messages"),
        (521, 521, Modem, "the modem's message service is not ready"),
        (522, 522, Network, "the network takes no more messages now"),
        (523, 527, Modem, "the modem's message service is out of resources"),
        (528, 528, Modem, "the modem lost track of the link it keeps open"),
        (529, 529, Sim, "this SIM is not allowed to send messages"),
        (530, 530, Network, "packet data is suspended"),
        (531, 531, Modem, "the modem's memory is full"),
        (532, 532, Modem, "the SIM is being read again"),
        (604, 604, Modem, "the modem's message service is overburdened"),
        (770, 770, Sim, "the network rejects this SIM"),
        (771, 771, Modem, "the modem could not set up the connection"),
        (772, 772, Modem, "the SIM has no power"),
    ],
    ..*Codes::NONE
};

/// TC65 manual V02.000 and its successors.
pub(super) const CINTERION: Codes = Codes {
    cms: &[
        (256, 256, Modem, "not now"),
        (257, 257, Sim, "the call is barred"),
        (258, 259, Modem, "the modem is busy"),
        (260, 260, Message, "the modem does not accept the number"),
        (261, 261, Unknown, "the modem did not carry it out"),
        (262, 262, Card, "the SIM is blocked"),
        (263, 263, Message, "the modem does not accept the message"),
        (512, 512, Modem, "the modem broke it off"),
        (513, 513, Modem, "the modem could not store the message"),
        (514, 517, Message, "the modem does not accept the message"),
        (519, 520, Message, "the modem does not accept the message"),
        (521, 521, Network, "the network did not answer in time"),
        (522, 522, Modem, "not now"),
        (532, 532, Modem, "the SIM is not ready"),
        (535, 535, Network, "the modem is busy with packet data"),
        (538, 538, Message, "the modem does not accept the parameters"),
        (549, 554, Message, "the modem does not accept the PDU"),
        (615, 616, Network, "the network failed"),
        (769, 769, Modem, "the modem has no control over it"),
        (770, 770, Card, "the SIM is not valid"),
        (772, 772, Modem, "the SIM has no power"),
    ],
    cme: &[(257, 257, Sim, "the call is barred")],
    doubtful: &[521],
};

/// LENA-R8 manual UBX-22016905 R04. 350 to 373 say again what the network said, 1 to 127.
pub(super) const UBLOX: Codes = Codes {
    cms: &[
        (287, 287, Network, "the network failed"),
        (290, 290, Network, "the network has no resources left"),
        (296, 297, Modem, "the modem's other SIM is in the way"),
        (350, 350, Recipient, "the number is not assigned"),
        (351, 351, Sim, "the operator has barred this SIM from sending; look at its credit and contract"),
        (352, 352, Sim, "sending is barred for this SIM"),
        (353, 353, Modem, "the modem failed"),
        (354, 354, Unknown, "the network rejected the message without a reason; often the SIM is out of credit"),
        (355, 355, Recipient, "the number has changed"),
        (356, 356, Network, "the handset cannot be reached"),
        (357, 357, Recipient, "the number is not known in its network"),
        (358, 358, Sim, "the network does not let this SIM send"),
        (359, 359, Recipient, "the network does not know the subscriber"),
        (360, 360, Network, "the network is out of order"),
        (361, 361, Network, "the network has a passing fault"),
        (362, 362, Network, "the network is congested"),
        (363, 363, Network, "the network has no resources left"),
        (364, 364, Sim, "sending messages is not part of this SIM's contract"),
        (365, 365, Sim, "the network does not carry messages on this kind of access"),
        (366, 366, Modem, "the modem lost track of the transfer"),
        (367, 371, Message, "the network did not understand the message"),
        (372, 372, Network, "the network's protocol stumbled"),
        (373, 373, Unknown, "the other network rejected the message without a reason"),
        (512, 512, Modem, "the network did not acknowledge the message properly"),
        (513, 513, Network, "the network did not answer in time"),
        (514, 515, Modem, "the modem could not forward the message"),
        (516, 517, Message, "the modem does not accept the kind of message"),
        (520, 531, Message, "the modem does not accept the PDU"),
        (538, 538, Network, "the connection to the network broke"),
        (539, 539, Modem, "the modem is busy with another message"),
        (543, 546, Sim, "the SIM does not let the modem send to this number"),
        (604, 604, Network, "there is no network"),
        (605, 605, Network, "the network does not let the modem in now"),
        (606, 606, Modem, "the modem is busy"),
        (623, 623, Sim, "the network rejects this SIM's request"),
        (625, 625, Network, "the network did not answer in time"),
        (628, 628, Network, "the modem could not register with the network"),
    ],
    doubtful: &[512, 513, 538, 625],
    ..*Codes::NONE
};

/// ME310G1/ME910G1 manual 80617ST10991A.
pub(super) const TELIT: Codes = Codes {
    cms: &[
        (510, 510, Sim, "the message was blocked"),
        (512, 512, Modem, "the modem's message service is out of resources"),
        (513, 513, Network, "the network did not answer in time"),
        (514, 514, Network, "the connection to the network broke"),
        (515, 515, Network, "the network did not answer in time"),
    ],
    cme: &[(257, 257, Network, "the network rejected the request")],
    doubtful: &[513, 514, 515],
};

/// Wavecom's AT interface, also that of Fastrack modems.
pub(super) const WAVECOM: Codes = Codes {
    cms: &[
        (512, 512, Network, "the modem could not reach the network"),
        (513, 513, Network, "the connection to the network broke"),
        (514, 514, Network, "the connection to the network broke"),
        (515, 515, Modem, "the modem is busy"),
        (517, 517, Modem, "the SIM's own program is in the way"),
        (519, 519, Modem, "the modem must be restarted"),
        (520, 520, Modem, "the modem broke its search for a network off"),
        (526, 526, Card, "the SIM asks for its PIN"),
        (527, 527, Network, "the radio is busy"),
        (528, 529, Network, "the modem could not register with the network"),
        (531, 531, Sim, "the SIM allows its fixed numbers only"),
    ],
    cme: &[(515, 515, Modem, "the modem is busy")],
    doubtful: &[513, 514],
};
