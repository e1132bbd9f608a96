-- What policies have learned: to bind a code to more than its purpose. And how long messages take.

-- The queue of a message, 3 times its route and its priority: the routes of policies that name modems come after those of
-- the configuration.

-- The keyed digest of what the code is bound to; NULL when it is bound to nothing, and once the otp has left 'pending'.
ALTER TABLE otp ADD COLUMN context BLOB;

-- How long the message took from its acceptance until the handset had every part, in milliseconds; NULL until then.
ALTER TABLE message ADD COLUMN latency INTEGER;
