-- Ends a lock that is this token's, or whoever's it is, and wakes one who waits for it.
--
-- KEYS: lock, locks, queue
-- ARGV: token ('' for whoever's it is), name
-- Answers 1, or 0 where it was not held so.
local token = read(KEYS[1])
if not token or (ARGV[1] ~= '' and token ~= ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
wake(KEYS[3])
return 1
