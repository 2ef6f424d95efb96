-- Counts a call if it is within its rate: the generic cell rate algorithm, as `Rate::decide` in quota.rs.
--
-- KEYS[1] holds the microsecond at which the rate is unused again, and is gone by then.
-- ARGV: for how many microseconds one call uses it, the burst, the cost of this call.
-- Answers with 1 and how many more could pass, or with 0 and the microseconds to wait.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local full = interval * burst
local used = math.max(tonumber(redis.call('GET', KEYS[1]) or now) - now, 0)
-- The clock of another master may be behind.
local after = math.min(used, full) + interval * cost
if after > full then
  return {0, after - full}
end
if after > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', now + after), 'PX', math.ceil(after / 1000))
end
return {1, math.floor((full - after) / interval)}
