-- Stores what was loaded, unless something was invalidated since the load began.
--
-- KEYS: value, lease
-- ARGV: prefix, lease, the value's ms, envelope, epoch when the load began, a fresh token, how many
-- scopes were known then, each of them with its token…, scopes that the load brought…
-- Answers 1, or 0 where it was not stored.
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
local names, tokens = {}, {}
local early = tonumber(ARGV[7])
for i = 1, early do
  names[i] = ARGV[6 + 2 * i]
  tokens[i] = ARGV[7 + 2 * i]
end
local late = rest(8 + 2 * early)
for i, token in ipairs(tokens_of(names, ARGV[6], ARGV[3])) do
  if token ~= tokens[i] then return 0 end
end
-- Of a scope that was not known then, only the epoch tells whether it was invalidated meanwhile.
if #late > 0 and epoch(ARGV[6]) ~= ARGV[5] then return 0 end
for i, token in ipairs(tokens_of(late, ARGV[6], ARGV[3])) do
  names[early + i] = late[i]
  tokens[early + i] = token
end
-- A full Redis refuses a write that needs memory only while the script has written nothing: all is stored,
-- or nothing. (The longer life of a token is a write, and may be the first.)
store(names, tokens, ARGV[4], ARGV[3])
redis.call('UNLINK', KEYS[2])
return 1
