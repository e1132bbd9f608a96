-- Whether an attempt counts against its SIM's budget is written down with it, and not read off from what became of it.

-- 1 as long as a modem is at it: the network may be asked.
ALTER TABLE attempt ADD COLUMN spends INTEGER NOT NULL DEFAULT 1;

UPDATE attempt SET spends = 0
WHERE outcome IN ('not_ready', 'expired')
   OR outcome = 'failed' AND (code IS NULL OR again_from IS NOT NULL);
