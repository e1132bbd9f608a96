-- Callbacks that wait in line, and what is to be told of a change that nobody saw.

-- What is about the site has a subject of its own for each modem, and one for each event of another kind; subject is below
-- 0 then. Rows of before with the subject 0 go out one after another as they did. Within one line the one that is due, if
-- any, stands last here, and those that wait behind it stand in their order.
-- receiver is what shares places: the URL, or the app and the host, with a space between, when a request named it.
DROP INDEX delivery_of_subject;
CREATE INDEX delivery_in_line ON delivery (subject, url, app, due) WHERE given_up IS NULL;
-- What a callback still has to tell stays in the log beyond its time.
CREATE INDEX delivery_of_event ON delivery (event);
CREATE INDEX delivery_unreached ON delivery (receiver, due) WHERE unreached = 1;

-- The newest event when the app was removed: callbacks of events up to it are none of an app that has the name later.
ALTER TABLE removed_app ADD COLUMN last_event INTEGER NOT NULL DEFAULT 0;

-- The policies and routes that the daemon went by last: a JSON object with a digest for each. NULL before it did.
ALTER TABLE site ADD COLUMN policies TEXT;
