-- Goes on with a lock in another process, which has a token of its own from then on: so only one does.
--
-- KEYS: lock, locks
-- ARGV: the token that was handed over, the new one, ms to live, name, holder
-- Answers 1, also to whoever asks again with the same new token, or 0 where the lock is another's or nobody's.
local at, ms = now(), tonumber(ARGV[3])
local token, fence = read(KEYS[1])
if token ~= ARGV[1] and token ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], text(ARGV[2], fence, ARGV[5]), 'PX', ms)
redis.call('ZADD', KEYS[2], digits(at + 1000 * ms), ARGV[4])
outlive(KEYS[2], at, ms)
return 1
