-- Removes keys, whatever they hold.
--
-- KEYS: any of one home…
-- Answers how many there were.
return redis.call('UNLINK', unpack(KEYS))
