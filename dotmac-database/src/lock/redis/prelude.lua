-- Shared by all scripts of the locks. It needs Redis 5 or later.
--
-- A lock is a text, which lives for as long as the lock is held: the token of who has it, its fence, and who the
-- holder is. Of an owner, `locks` has the names of what is held, by when they run out, and under the name '',
-- which no lock has, the greatest fence that was given, negative so that it never runs out. The `queue` of a lock
-- has those who wait, one of each process, by when they are given up; a member is 32 digits that name the
-- process, and 32 that name the acquisition.

local HOUR_MS = 3600000
local DAY_MS = 24 * HOUR_MS
-- For how long the greatest fence is remembered after the last acquisition: for seven days, and the hour in which
-- that is not looked at again. Once it has gone by itself, the clock shows more than it.
local FENCE_MS = 7 * DAY_MS + HOUR_MS

-- Microseconds by the server's clock.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- All of a number's digits: Lua itself writes 14.
local function digits(number)
  return string.format('%.0f', number)
end

-- The hour of microseconds.
local function hour(at)
  return math.floor(at / (1000 * HOUR_MS))
end

-- The token, the fence and the holder of a lock; nothing where it is free.
local function read(lock)
  local held = redis.call('GET', lock)
  if held then return string.match(held, '^(%x+) (%d+) (.*)$') end
end

-- What `read` reads.
local function text(token, fence, holder)
  return token .. ' ' .. fence .. ' ' .. holder
end

-- `locks` has an entry that lives for so long. Prolonged once a day: then what holders have left behind is
-- forgotten as well.
local function outlive(locks, at, ms)
  local least = math.max(FENCE_MS, ms)
  if redis.call('PTTL', locks) < least then
    redis.call('ZREMRANGEBYSCORE', locks, 0, digits(at))
    redis.call('PEXPIRE', locks, digits(least + DAY_MS))
  end
end

-- Wakes one of those who wait: who asked longest ago, and has not been given up.
local function wake(queue)
  local waiter, gone
  repeat
    waiter, gone = unpack(redis.call('ZPOPMIN', queue))
  until not waiter or tonumber(gone) > now()
  if waiter then
    redis.call('PUBLISH', 'dotmac:locks:' .. string.sub(waiter, 1, 32), string.sub(waiter, 33))
  end
end
