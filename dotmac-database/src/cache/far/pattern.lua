-- Invalidates the entries of a cache whose keys are of a pattern.
--
-- ARGV: prefix, a fresh token, owner, sender, namespace, pattern, how many patterns there may be
-- Answers 1, or 0 where there are too many.
local scope, list = prefix .. 'p:' .. ARGV[5], prefix .. 'q:' .. ARGV[5]
local token = redis.call('GET', scope)
if token then
  local time = now()
  -- Those of which all entries that are older have ended.
  while true do
    local first = redis.call('LINDEX', list, 0)
    if not first or struct.unpack('>I8', first) > time then break end
    redis.call('LPOP', list)
  end
  if redis.call('LLEN', list) >= tonumber(ARGV[7]) then return 0 end
  -- The token lives as long as any entry that has it.
  local left = redis.call('PTTL', scope)
  redis.call('RPUSH', list, struct.pack('>I8', time + left) .. ARGV[6])
  redis.call('PEXPIRE', list, left)
  local count = (struct.unpack('>I4', token, 13) + 1) % 4294967296
  redis.call('SET', scope, string.sub(token, 1, 12) .. struct.pack('>I4', count), 'PX', left)
end
announce(ARGV[2], ARGV[3], ARGV[4], { 'n:' .. ARGV[5] })
return 1
