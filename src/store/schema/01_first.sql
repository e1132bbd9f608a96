-- The first schema.
--
-- Times come in two kinds. A moment (created, expires, deadline, ...) is in milliseconds on the site's own timeline
-- and is what everything is decided by. A wall time (..._at) is in milliseconds since 1970, for people only.
-- A number is kept as an integer: the digits of its international form without the plus sign. Without its last four
-- digits it is the prefix that neighbours share.
-- Ids are the 16 octets of a UUID version 7. Rows refer to each other by seq, which is shorter and grows with time.

-- One row about the site: where its timeline stood at the last change, by what its key is known again, and the seq
-- of the first otp that may still be recent.
CREATE TABLE site (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    boot_id     TEXT    NOT NULL,
    boot_millis INTEGER NOT NULL,
    moment      INTEGER NOT NULL,
    wall        INTEGER NOT NULL,
    key_check   BLOB    NOT NULL,
    recent_from INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Clients of the API. Of a key only its keyed digest is kept.
CREATE TABLE app (
    name       TEXT    PRIMARY KEY,
    key        BLOB    NOT NULL UNIQUE,
    scopes     TEXT    NOT NULL,
    policy     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Names whose app was removed, with the last otp and message that were there then: those of its rows up to these are
-- out of reach for another app that gets the name.
CREATE TABLE removed_app (
    name         TEXT    PRIMARY KEY,
    last_otp     INTEGER NOT NULL,
    last_message INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One-time passwords. digest and sealed_code are erased when the otp leaves 'pending'; sealed_code also when no
-- resend is left. recent is 1 for a day after the otp was issued, then NULL: everything that looks otps up by number
-- uses indexes over the recent ones only, which stay small however long the history grows. message is the newest of its
-- messages, the only one of which anything may still be sent.
CREATE TABLE otp (
    seq           INTEGER PRIMARY KEY,
    id            BLOB    NOT NULL UNIQUE,
    app           TEXT    NOT NULL,
    number        INTEGER NOT NULL,
    purpose       TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    digest        BLOB,
    sealed_code   BLOB,
    created       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    expires       INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    attempts_left INTEGER NOT NULL,
    resends       INTEGER NOT NULL,
    resends_left  INTEGER NOT NULL,
    resend_after  INTEGER NOT NULL,
    resend_from   INTEGER NOT NULL,
    recent        INTEGER,
    message       INTEGER REFERENCES message (seq)
) STRICT;
CREATE INDEX otp_of_number ON otp (number, created) WHERE recent IS NOT NULL;
CREATE INDEX otp_of_prefix ON otp (number / 10000, created) WHERE recent IS NOT NULL;
CREATE INDEX otp_due ON otp (expires) WHERE status = 'pending';

-- Messages. text is sealed, and erased once nothing more can be sent of it.
-- waiting_from is the moment from which the next waiting part may be handed to a modem; NULL when none waits.
-- queue is 3 times its route and its priority while a part of it waits, -1 while a modem is at one, and NULL when
-- neither is so. The route is the place of a [[route]] in the configuration, from 1; 0 without one.
-- sim is the SIM that took the first part of a message of several; the other parts follow on it. From the moment
-- sim_until on another SIM may take the message over, once, and then all parts start again; taken_over is 1 when one
-- has.
-- doubt_until is when parts in doubt go out once more; resent is 1 when they have.
-- attempt is the last attempt at any of its parts.
CREATE TABLE message (
    seq          INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,
    app          TEXT    NOT NULL,
    otp          INTEGER REFERENCES otp (seq),
    number       INTEGER NOT NULL,
    status       TEXT    NOT NULL,
    priority     INTEGER NOT NULL,
    text         BLOB,
    encoding     TEXT    NOT NULL,
    parts        INTEGER NOT NULL,
    class0       INTEGER NOT NULL,
    replace_type INTEGER,
    in_doubt     TEXT    NOT NULL,
    created      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    deadline     INTEGER NOT NULL,
    sent_at      INTEGER,
    delivered_at INTEGER,
    waiting_from INTEGER,
    queue        INTEGER,
    sim          TEXT,
    sim_until    INTEGER,
    taken_over   INTEGER NOT NULL DEFAULT 0,
    doubt_until  INTEGER,
    resent       INTEGER NOT NULL DEFAULT 0,
    attempt      INTEGER
) STRICT;
CREATE INDEX message_queued ON message (queue, deadline) WHERE queue IS NOT NULL;
CREATE INDEX message_in_doubt ON message (doubt_until) WHERE doubt_until IS NOT NULL;
CREATE INDEX message_held ON message (seq) WHERE status = 'in_doubt';
CREATE INDEX message_of_number ON message (number);

-- The parts of a message, numbered from 0. attempt is the last one, and reference the TP-MR it came to.
CREATE TABLE part (
    message   INTEGER NOT NULL REFERENCES message (seq),
    part      INTEGER NOT NULL,
    status    TEXT    NOT NULL,
    failures  INTEGER NOT NULL DEFAULT 0,
    number    INTEGER NOT NULL,
    sim       TEXT,
    attempt   INTEGER,
    reference INTEGER,
    PRIMARY KEY (message, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX part_reported ON part (number, sim, reference, attempt) WHERE reference IS NOT NULL;
CREATE INDEX part_unsettled ON part (number, sim)
    WHERE status IN ('in_doubt', 'queued') AND attempt IS NOT NULL;

-- Attempts that their parts have left behind, and on which a report may still come: those that were sent when another
-- SIM took the message over, and, with -1 for the TP-MR that nobody knows, those that were in doubt when the part
-- was to go out once more. Such a report must not be taken for one about another message. Only reports up to the
-- moment known_until can be about it.
CREATE TABLE former_part (
    number      INTEGER NOT NULL,
    sim         TEXT    NOT NULL,
    reference   INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    known_until INTEGER NOT NULL,
    PRIMARY KEY (number, sim, reference, attempt)
) STRICT, WITHOUT ROWID;

-- Every try to hand a part to a modem, written before the modem saw a byte of it. outcome is 'sending' until it is
-- settled. report is the TP-ST of the last status report about it. before is the attempt at the same message before
-- this one.
CREATE TABLE attempt (
    id         INTEGER PRIMARY KEY,
    message    INTEGER NOT NULL REFERENCES message (seq),
    part       INTEGER NOT NULL,
    modem      TEXT    NOT NULL,
    sim        TEXT    NOT NULL,
    started    INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT    NOT NULL,
    reference  INTEGER,
    report     INTEGER,
    code       TEXT,
    reason     TEXT,
    before     INTEGER
) STRICT;

-- Status reports that came while a modem was still at a part for their SIM and number. They are taken on again, and
-- leave this table, when that part is settled; so it never has more than a few rows.
CREATE TABLE early_report (
    seq       INTEGER PRIMARY KEY,
    number    INTEGER NOT NULL,
    sim       TEXT    NOT NULL,
    reference INTEGER NOT NULL,
    outcome   TEXT    NOT NULL,
    octet     INTEGER NOT NULL,
    received  INTEGER NOT NULL
) STRICT;

-- Answers to requests that carried an Idempotency-Key, for a day. otp is set when the request issued one; message is
-- then its first.
CREATE TABLE idempotency (
    seq     INTEGER PRIMARY KEY,
    app     TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    digest  BLOB    NOT NULL,
    created INTEGER NOT NULL,
    otp     INTEGER REFERENCES otp (seq),
    message INTEGER NOT NULL REFERENCES message (seq),
    UNIQUE (app, key)
) STRICT;

-- Modems that a person has taken out of use, by name, and since when.
CREATE TABLE drained_modem (
    name     TEXT    PRIMARY KEY,
    since_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
