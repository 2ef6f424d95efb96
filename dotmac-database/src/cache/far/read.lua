-- Reads values, and takes a lease to load each that is not there, or that ends soon.
--
-- KEYS: value, lease; for each entry
-- ARGV: prefix, lease ('' only looks), its ms, the tokens' ms, a value that ends within so many ms is loaded
-- again, the scopes known before the load…
-- Answers {the time in ms, {for each entry its value, '' where none is alive, '?' where it is not ours}, {for
-- each that has a lease: which it is, from 1, the lease, 1 if it is ours}, {epoch, tokens…} if there is one}.
local wanted = {}
for at = 1, #KEYS, 2 do
  wanted[#wanted + 1] = KEYS[at]
end
local values, leases, time = redis.call('MGET', unpack(wanted)), {}, now()
for i, raw in ipairs(values) do
  local scopes = scopes_in(raw)
  local names = alive_by(scopes, wanted[i])
  if not names then
    values[i] = raw and not (scopes and judge(scopes).names) and '?' or ''
  end
  if ARGV[2] ~= '' and not (names and struct.unpack('>I8', raw, 2) - time > tonumber(ARGV[5])) then
    local lease, ours = redis.call('GET', KEYS[2 * i]), 0
    if not lease then
      lease, ours = ARGV[2], 1
      redis.call('SET', KEYS[2 * i], lease, 'PX', ARGV[3])
    end
    leases[#leases + 1] = i
    leases[#leases + 1] = lease
    leases[#leases + 1] = ours
  end
end
local tokens = {}
if #leases > 0 then
  tokens = { epoch(ARGV[2]), unpack(tokens_of(rest(6), ARGV[2], ARGV[4])) }
end
return { time, values, leases, tokens }
