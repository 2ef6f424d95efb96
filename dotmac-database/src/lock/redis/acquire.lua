-- Takes a lock that is free. Asked again by the same token, it gives the same answer.
--
-- KEYS: lock, locks, queue
-- ARGV: token, ms to live, name, holder, the server's µs after which it is too late, who waits ('' where
-- nobody does), for how many ms at least, 1 where he may be in the queue already
-- Answers {what, the server's µs, number}: 'taken' and the fence, 'held' by another and its ms to live, or
-- 'late'.
local at, ms = now(), tonumber(ARGV[2])
local token, fence = read(KEYS[1])
if token == ARGV[1] then
  -- A write, for those who wait until replicas have it.
  redis.call('PEXPIRE', KEYS[1], ms)
  return { 'taken', at, tonumber(fence) }
end
if at > tonumber(ARGV[5]) then return { 'late', at, 0 } end
if token then
  if ARGV[6] ~= '' then
    redis.call('ZADD', KEYS[3], digits(at + 1000 * ARGV[7]), ARGV[6])
    redis.call('PEXPIRE', KEYS[3], ARGV[7])
  end
  return { 'held', at, redis.call('PTTL', KEYS[1]) }
end
local previous = 0 - (redis.call('ZSCORE', KEYS[2], '') or 0)
fence = math.max(at, previous + 1)
-- A full Redis refuses a script at its first write that needs memory, and never after another write.
redis.call('SET', KEYS[1], text(ARGV[1], digits(fence), ARGV[4]), 'PX', ms)
redis.call('ZADD', KEYS[2], digits(-fence), '', digits(at + 1000 * ms), ARGV[3])
-- Within the hour of the acquisition before, there is nothing to prolong but for the marks of long periods.
if ms > DAY_MS or hour(at) ~= hour(previous) then outlive(KEYS[2], at, ms) end
if ARGV[8] == '1' then redis.call('ZREM', KEYS[3], ARGV[6]) end
return { 'taken', at, fence }
