-- Takes a lock that is free. Asked again by the same token, it gives the same answer.
--
-- KEYS: lock, fence, locks, queue
-- ARGV: token, ms to live, name, holder, the server's µs after which it is too late, who waits ('' where
-- nobody does), for how many ms at least
-- Answers {what, the server's µs, number}: 'taken' and the fence, 'held' by another and its ms to live, or
-- 'late'.
local at = now()
local token, fence = unpack(redis.call('HMGET', KEYS[1], 'token', 'fence'))
if token == ARGV[1] then
  -- A write, for those who wait until replicas have it.
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return { 'taken', at, tonumber(fence) }
end
if at > tonumber(ARGV[5]) then return { 'late', at, 0 } end
if token then
  if ARGV[6] ~= '' then
    redis.call('ZADD', KEYS[4], digits(at + 1000 * tonumber(ARGV[7])), ARGV[6])
    redis.call('PEXPIRE', KEYS[4], ARGV[7])
  end
  return { 'held', at, redis.call('PTTL', KEYS[1]) }
end
fence = math.max(at, tonumber(redis.call('GET', KEYS[2]) or 0) + 1)
-- A full Redis refuses a script at its first write that needs memory, and never after another write.
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'fence', digits(fence), 'holder', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], digits(fence), 'PX', FENCE_MS)
record(KEYS[3], ARGV[3], at, ARGV[2])
if ARGV[6] ~= '' then redis.call('ZREM', KEYS[4], ARGV[6]) end
return { 'taken', at, fence }
