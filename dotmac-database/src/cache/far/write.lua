-- Stores a value, whatever was there.
--
-- KEYS: value, lease
-- ARGV: prefix, a fresh token, the value's ms, envelope, '' or NX or XX, owner, sender, the key's name in
-- messages, scopes…
-- Answers 1, or 0 where NX found a value, or XX found none.
if ARGV[5] ~= '' then
  local is_there = alive(redis.call('GET', KEYS[1]), KEYS[1]) ~= nil
  if is_there ~= (ARGV[5] == 'XX') then return 0 end
end
local names = rest(9)
-- A full Redis refuses a write that needs memory only while the script has written nothing: all is stored,
-- or nothing. (The longer life of a token is a write, and may be the first.)
store(names, tokens_of(names, ARGV[2], ARGV[3]), ARGV[4], ARGV[3])
redis.call('UNLINK', KEYS[2])
announce(ARGV[2], ARGV[6], ARGV[7], { ARGV[8] })
return 1
