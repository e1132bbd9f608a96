-- What a request to send a code again was told and the otp's row cannot tell any more: how often the code could then still be
-- sent, and be tried. NULL for every other request, and for those that came before there were these columns.
ALTER TABLE idempotency ADD COLUMN resends_left INTEGER;
ALTER TABLE idempotency ADD COLUMN attempts_left INTEGER;
