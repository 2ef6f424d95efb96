-- How many invalidations a home has seen.
--
-- ARGV: prefix
-- Answers {name, count}, or nothing where there was none for long.
local name, count = unpack(redis.call('HMGET', prefix .. 'epoch', 'name', 'count'))
if not name then return {} end
return { name, count }
