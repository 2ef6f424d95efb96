-- Invalidates scopes.
--
-- ARGV: prefix, a fresh token, owner, sender, scopes…
local names = rest(5)
local keys = keys_of(names)
for _, name in ipairs(names) do
  if string.sub(name, 1, 2) == 'n:' then
    -- No entry is left for the patterns of the cache.
    keys[#keys + 1] = prefix .. 'p:' .. string.sub(name, 3)
    keys[#keys + 1] = prefix .. 'q:' .. string.sub(name, 3)
  end
end
redis.call('UNLINK', unpack(keys))
announce(ARGV[2], ARGV[3], ARGV[4], names)
return 1
