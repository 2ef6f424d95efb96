-- Removes values that nobody can find any more.
--
-- KEYS: values…
-- ARGV: prefix
-- Answers how many.
local removed = 0
for _, key in ipairs(KEYS) do
  if not alive_by(scopes_of(key), key) then removed = removed + redis.call('UNLINK', key) end
end
return removed
