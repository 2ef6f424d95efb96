-- Reads values, and takes a lease to load each that is not there, or that ends soon.
--
-- KEYS: value, lease; for each entry
-- ARGV: prefix, lease ('' only looks), its ms, the tokens' ms, a value that lives no longer than so many
-- ms is loaded again, the scopes known before the load…
-- Answers, for each entry, {envelope or '', ms to live, how many scopes, scopes…, lease or '', 1 if it is
-- ours}, and at the end {epoch, tokens…} if there is a lease.
local replies, is_leased = {}, false
for at = 1, #KEYS, 2 do
  local raw = redis.call('GET', KEYS[at])
  local names, from = alive(raw, KEYS[at])
  local left = names and redis.call('PTTL', KEYS[at]) or 0
  local reply = { names and string.sub(raw, from) or '', left, names and #names or 0 }
  for _, name in ipairs(names or {}) do
    reply[#reply + 1] = name
  end
  local lease, ours = ARGV[2], 0
  if lease == '' or (names and left > tonumber(ARGV[5])) then
    lease = ''
  else
    is_leased = true
    local theirs = redis.call('GET', KEYS[at + 1])
    if theirs then
      lease = theirs
    else
      redis.call('SET', KEYS[at + 1], lease, 'PX', ARGV[3])
      ours = 1
    end
  end
  reply[#reply + 1] = lease
  reply[#reply + 1] = ours
  replies[#replies + 1] = reply
end
if is_leased then
  replies[#replies + 1] = { epoch(ARGV[2]), unpack(tokens_of(rest(6), ARGV[2], ARGV[4])) }
end
return replies
