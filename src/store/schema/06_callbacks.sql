-- Callbacks: where they go, and what is on its way.

-- An app's own URL, and the generation of the secret that its callbacks are signed with. The one before is good for
-- signing too until the moment callback_both_until.
ALTER TABLE app ADD COLUMN callback TEXT;
ALTER TABLE app ADD COLUMN callback_generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE app ADD COLUMN callback_both_until INTEGER;

-- Where else the events of this otp or message go. by_request is 1 when the request named it, and 0 when the policy did.
-- A message that carries a code has none; its otp has.
ALTER TABLE otp ADD COLUMN callback TEXT;
ALTER TABLE otp ADD COLUMN callback_by_request INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN callback TEXT;
ALTER TABLE message ADD COLUMN callback_by_request INTEGER NOT NULL DEFAULT 0;

-- Events on their way to a receiver, written with the event and deleted when the receiver has them. receiver is what
-- shares connections: the URL, or only its scheme, host and port when a request named it. Of one subject the events reach
-- one URL in their order: 2 times the otp's seq, 2 times the message's and 1, or 0 for what is about the site.
-- since is when it began to wait. due is when it is tried next; NULL while one of the same subject goes before it, and
-- once it is given up, at the moment given_up. unreached is 1 when the last try found nobody.
CREATE TABLE delivery (
    seq        INTEGER PRIMARY KEY,
    event      INTEGER NOT NULL,
    app        TEXT    NOT NULL,
    url        TEXT    NOT NULL,
    by_request INTEGER NOT NULL,
    receiver   TEXT    NOT NULL,
    subject    INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    due        INTEGER,
    unreached  INTEGER NOT NULL DEFAULT 0,
    given_up   INTEGER,
    reason     TEXT
) STRICT;
CREATE INDEX delivery_due ON delivery (receiver, due) WHERE due IS NOT NULL;
CREATE INDEX delivery_of_subject ON delivery (subject, url, app) WHERE given_up IS NULL;
CREATE INDEX delivery_given_up ON delivery (seq) WHERE given_up IS NOT NULL;
