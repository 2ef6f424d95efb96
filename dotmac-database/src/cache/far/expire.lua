-- Lets a value that is alive live for so long from now on.
--
-- KEYS: value
-- ARGV: prefix, the value's ms, a fresh token, owner, sender, the key's name in messages
-- Answers 1, or 0 where there is no value.
local names = alive(redis.call('GET', KEYS[1]), KEYS[1])
if not names then return 0 end
-- The first of them needs no memory, after which a full Redis refuses none.
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SETRANGE', KEYS[1], 1, struct.pack('>I8', now() + ARGV[2]))
tokens_of(names, ARGV[3], ARGV[2])
announce(ARGV[3], ARGV[4], ARGV[5], { ARGV[6] })
return 1
