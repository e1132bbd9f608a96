-- What happened: one row for each thing, in the transaction that did it, so that seq is the order of the commits.
--
-- otp and message name what it is about; what is told of those is read from their rows. detail is a JSON object with
-- what those rows cannot tell any more. There is no code, no text and no whole number in any column.
CREATE TABLE event (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    moment  INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    app     TEXT,
    otp     INTEGER,
    message INTEGER,
    detail  TEXT
) STRICT;

-- Rows of event before this one may be deleted: they were kept as long as the configuration says.
ALTER TABLE site ADD COLUMN kept_from INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'what happened cannot be changed');
END;
CREATE TRIGGER event_is_deleted_only_with_age BEFORE DELETE ON event WHEN OLD.seq >= (SELECT kept_from FROM site)
BEGIN
    SELECT RAISE(ABORT, 'what happened is kept');
END;
