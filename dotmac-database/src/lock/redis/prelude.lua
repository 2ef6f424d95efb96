-- Shared by all scripts of the locks. It needs Redis 5 or later.
--
-- A lock is a hash, which lives for as long as the lock is held: the token of who has it, its fence, and who
-- the holder is. Of an owner, `fence` is the greatest fence that was given, and `locks` has the names of what
-- is held, by when they run out. The `queue` of a lock has those who wait, one of each process, by when they
-- are given up; a member is 32 digits that name the process, and 32 that name the acquisition.

-- For how long the greatest fence is remembered after the last acquisition. Once it has gone by itself, the
-- clock shows more than it.
local FENCE_MS = 604800000
-- No lock runs out later than in a day, but for the marks of what is done once in a longer period.
local LOCKS_MS = 86400000

-- Microseconds by the server's clock.
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- All of a number's digits: Lua itself writes 14.
local function digits(number)
  return string.format('%.0f', number)
end

-- A name is held until then; what has run out meanwhile is forgotten.
local function record(locks, name, at, ms)
  redis.call('ZREMRANGEBYSCORE', locks, '-inf', digits(at))
  redis.call('ZADD', locks, digits(at + 1000 * tonumber(ms)), name)
  redis.call('PEXPIRE', locks, math.max(LOCKS_MS, tonumber(ms), redis.call('PTTL', locks)))
end

-- Wakes one of those who wait: who asked longest ago.
local function wake(queue, at)
  redis.call('ZREMRANGEBYSCORE', queue, '-inf', digits(at))
  local waiter = redis.call('ZPOPMIN', queue)[1]
  if waiter then
    redis.call('PUBLISH', 'dotmac:locks:' .. string.sub(waiter, 1, 32), string.sub(waiter, 33))
  end
end
