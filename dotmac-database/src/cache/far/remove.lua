-- Removes a value, or the right to store one that is being loaded.
--
-- KEYS: value, lease
-- ARGV: prefix, a fresh token, owner, sender, the key's name in messages
-- Answers 1 where there was a value.
local was_there = alive(redis.call('GET', KEYS[1]), KEYS[1]) ~= nil
redis.call('UNLINK', KEYS[1], KEYS[2])
announce(ARGV[2], ARGV[3], ARGV[4], { ARGV[5] })
return was_there and 1 or 0
