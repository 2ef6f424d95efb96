-- Gives back the right to store a value: what was loaded is not kept, and others may load at once.
--
-- KEYS: value, lease
-- ARGV: prefix, lease
-- Answers 1.
if redis.call('GET', KEYS[2]) == ARGV[2] then redis.call('UNLINK', KEYS[2]) end
return 1
