-- Removes values that have a scope, alive or not.
--
-- KEYS: values…
-- ARGV: prefix, scope
-- Answers how many.
local removed = 0
for _, key in ipairs(KEYS) do
  local ok, names = pcall(parse, scopes_of(key))
  for _, name in ipairs(ok and names or {}) do
    if name == ARGV[2] then
      removed = removed + redis.call('UNLINK', key)
      break
    end
  end
end
return removed
