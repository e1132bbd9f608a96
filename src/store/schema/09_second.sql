-- A code of which no report comes goes out once more, through another SIM. resent is 1 for such a message too, and the copy
-- that its part has left behind is in former_part.

-- Milliseconds after the network took it, from which on another SIM may; NULL = never.
ALTER TABLE message ADD COLUMN second_after INTEGER;
-- The moment from which on another SIM may; NULL = none may now.
ALTER TABLE message ADD COLUMN second_from INTEGER;
-- The attempt that sent it first, once another SIM was given the second copy.
ALTER TABLE message ADD COLUMN first_copy INTEGER;
CREATE INDEX message_second ON message (second_from) WHERE second_from IS NOT NULL;
