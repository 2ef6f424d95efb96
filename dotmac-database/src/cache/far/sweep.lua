-- Removes values that nobody can find any more.
--
-- KEYS: values…
-- ARGV: prefix
-- Answers how many.
local removed = 0
for _, key in ipairs(KEYS) do
  local names, kept = scopes_of(key)
  if not names or not equal(names, kept, key) then removed = removed + redis.call('UNLINK', key) end
end
return removed
