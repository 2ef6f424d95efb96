-- Who holds the locks of an owner.
--
-- KEYS: locks
-- ARGV: what the keys of the owner's locks begin with
-- Answers {holder, fence} for each.
local answers = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], digits(now()), '+inf')) do
  local _, fence, holder = read(ARGV[1] .. name)
  if holder then answers[#answers + 1] = { holder, tonumber(fence) } end
end
return answers
