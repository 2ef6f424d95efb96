-- Removes values that have a scope, alive or not.
--
-- KEYS: values…
-- ARGV: prefix, scope
-- Answers how many.
local removed = 0
for _, key in ipairs(KEYS) do
  for _, name in ipairs(scopes_of(key) or {}) do
    if name == ARGV[2] then
      removed = removed + redis.call('UNLINK', key)
      break
    end
  end
end
return removed
