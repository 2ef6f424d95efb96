-- Invalidates scopes.
--
-- ARGV: prefix, a fresh token, owner, sender, scopes…
local names = rest(5)
redis.call('UNLINK', unpack(keys_of(names)))
announce(ARGV[2], ARGV[3], ARGV[4], names)
return 1
