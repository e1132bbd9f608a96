-- A message that failed because of a SIM or its modem goes to another at once, and waits before it goes to this one again.

-- The moment from which on the attempt's modem, with its SIM, may be given the message again; NULL = at any.
ALTER TABLE attempt ADD COLUMN again_from INTEGER;
