-- What comes in: messages to the SIMs, and the numbers that want none from us.

-- Messages that came in, of one part or several. sender is as the network gives it: a number with its plus sign, a short
-- code, a name. reference and parts are those of the concatenation; reference is NULL for a message that stands alone.
-- missing counts the parts that have not come. shown is 1 once the message is whole, or has waited for its other parts
-- long enough; it then gets the next seq, so that the newest that is shown has the greatest. sent_at is the service
-- centre's time of the first part that came; NULL when that was none.
CREATE TABLE inbox (
    seq         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    modem       TEXT    NOT NULL,
    sim         TEXT    NOT NULL,
    sender      TEXT    NOT NULL,
    reference   INTEGER,
    parts       INTEGER NOT NULL,
    missing     INTEGER NOT NULL,
    shown       INTEGER NOT NULL,
    sent_at     INTEGER,
    received    INTEGER NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX inbox_of_sender ON inbox (sender, seq);
CREATE INDEX inbox_waiting ON inbox (received) WHERE shown = 0;

-- The parts, sealed PDUs, numbered from 1. A part whose message is gone keeps its digest for a while, so that the same
-- PDU is known when a modem hands it out again.
CREATE TABLE inbox_part (
    seq     INTEGER PRIMARY KEY,
    digest  BLOB    NOT NULL UNIQUE,
    message INTEGER REFERENCES inbox (seq) ON UPDATE CASCADE,
    part    INTEGER NOT NULL,
    pdu     BLOB
) STRICT;
CREATE UNIQUE INDEX inbox_part_of_message ON inbox_part (message, part) WHERE message IS NOT NULL;

-- Numbers to which nothing is sent. by_word is 1 when the number asked for that itself, by a message.
CREATE TABLE opt_out (
    seq      INTEGER PRIMARY KEY,
    number   INTEGER NOT NULL UNIQUE,
    by_word  INTEGER NOT NULL,
    since_at INTEGER NOT NULL
) STRICT;
