-- What the guard remembers.

-- When the otp left 'pending'; NULL while it has not, and for those that did before there was this column.
ALTER TABLE otp ADD COLUMN ended INTEGER;

-- The mobile country codes of the SIMs that the site has used.
CREATE TABLE home_network (
    mcc      TEXT    PRIMARY KEY,
    since_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Prefixes (numbers without their last four digits) in which hardly any code was verified. Until the moment until
-- nothing is sent there; from then on they are on probation, unless forgiven is 1. Otps from before until are not held
-- against them any more. A row means nothing a day after until.
CREATE TABLE stopped_prefix (
    prefix   INTEGER PRIMARY KEY,
    since_at INTEGER NOT NULL,
    until    INTEGER NOT NULL,
    forgiven INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Numbers that neither the guard nor the limits look at.
CREATE TABLE safe_number (
    seq      INTEGER PRIMARY KEY,
    number   INTEGER NOT NULL UNIQUE,
    since_at INTEGER NOT NULL
) STRICT;
