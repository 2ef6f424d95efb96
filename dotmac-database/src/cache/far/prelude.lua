-- Shared by all scripts of the cache. All keys of a call are in one hash slot.
--
-- A value is 'W', when it ends (8 bytes: ms since 1970, by Redis' clock), the length of its scopes (4 bytes),
-- its scopes, each the length of its name (2 bytes), its name and its token (16 bytes), and its envelope.
-- Numbers are big-endian. `stored.rs` reads the same. A lease is a key beside it: somebody loads the value.
-- Whatever ends the lease (a write, a removal, time) ends the right to store what was loaded.
--
-- A scope is something to invalidate by: the tenant ('*'), a namespace, a tag. Its token is a key of its
-- own, and an entry is alive while all its scopes have the tokens that they had when its load began. To
-- invalidate is to delete the token; a token that is lost any other way does the same.
--
-- A cache that is invalidated by patterns is one scope more ('p:', the namespace), whose token ends in a
-- count. A pattern counts it up, and is the last in a list: an entry that has another count is alive if none
-- of the patterns since is its key's.

local prefix = ARGV[1]

-- The time in ms.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- How long the scopes of a value are; nothing where its first bytes are not ours.
local function length_of(raw)
  if not raw or #raw < 13 or string.byte(raw, 1) ~= 87 then return nil end
  return (struct.unpack('>I4', raw, 10))
end

-- The scopes of a value, as they are written in it; nothing where it is not ours.
local function scopes_in(raw)
  local length = length_of(raw)
  if not length or #raw < 13 + length then return nil end
  return string.sub(raw, 14, 13 + length)
end

-- The names of scopes, and their tokens when the value was stored; an error where they are not ours.
local function parse(scopes)
  local names, kept, at = {}, {}, 1
  while at <= #scopes do
    names[#names + 1], kept[#kept + 1], at = struct.unpack('>I2c0c16', scopes, at)
  end
  return names, kept
end

local function keys_of(names)
  local keys = {}
  for i = 1, #names do
    keys[i] = prefix .. names[i]
  end
  return keys
end

-- Whether a key is of a pattern, in which '*' is any text. Of keys that were too long, and are written as a
-- hash, nobody can tell: they are of all patterns.
local function matches(key, pattern)
  if string.byte(key, 1) == 35 then return true end
  local at, from = 1, 1
  while true do
    local star = string.find(pattern, '*', from, true)
    local piece = string.sub(pattern, from, (star or 0) - 1)
    if not star then
      if from == 1 then return key == piece end
      return #key - #piece + 1 >= at and string.sub(key, #key - #piece + 1) == piece
    end
    local found, ends = string.find(key, piece, at, true)
    if not found or (from == 1 and found > 1) then return false end
    at, from = ends + 1, star + 1
  end
end

-- Whether an entry that has the token `kept` of a scope of patterns is of none of those since.
local function spared(scope, kept, token, key)
  if not token or string.sub(kept, 1, 12) ~= string.sub(token, 1, 12) then return false end
  local since = (struct.unpack('>I4', token, 13) - struct.unpack('>I4', kept, 13)) % 4294967296
  local patterns = redis.call('LRANGE', prefix .. 'q:' .. string.sub(scope, 3), -since, -1)
  if #patterns < since then return false end
  -- prefix is '…t:', the key is '…v:<namespace>:<bare>', the scope is 'p:<namespace>'.
  local bare = string.sub(key, #prefix + #scope)
  for _, pattern in ipairs(patterns) do
    if matches(bare, string.sub(pattern, 9)) then return false end
  end
  return true
end

-- Tokens that this call has read: many entries share most of their scopes.
local known = {}

-- The places of those scopes of patterns that have other tokens than those that were kept; nothing where any
-- other scope has.
local function changed(names, kept)
  local missing = {}
  for i = 1, #names do
    if known[names[i]] == nil then missing[#missing + 1] = names[i] end
  end
  if #missing > 0 then
    local tokens = redis.call('MGET', unpack(keys_of(missing)))
    for i = 1, #missing do
      known[missing[i]] = tokens[i]
    end
  end
  local patterns = {}
  for i = 1, #names do
    if known[names[i]] ~= kept[i] then
      if string.sub(names[i], 1, 2) ~= 'p:' then return nil end
      patterns[#patterns + 1] = i
    end
  end
  return patterns
end

-- What this call has found out of scopes, as they are written in values: those of a cache are mostly the same.
local verdicts = {}

local function judge(scopes)
  local verdict = verdicts[scopes]
  if not verdict then
    local ok, names, kept = pcall(parse, scopes)
    verdict = ok and { names = names, kept = kept, changed = changed(names, kept) } or {}
    verdicts[scopes] = verdict
  end
  return verdict
end

-- The names of the scopes of a value that is alive, of which these are the scopes.
local function alive_by(scopes, key)
  local verdict = scopes and judge(scopes)
  if not verdict or not verdict.changed then return nil end
  for _, i in ipairs(verdict.changed) do
    local name = verdict.names[i]
    if not spared(name, verdict.kept[i], known[name], key) then return nil end
  end
  return verdict.names
end

local function alive(raw, key)
  return alive_by(scopes_in(raw), key)
end

-- The scopes of a value, as they are written in it, without reading all of it.
local function scopes_of(key)
  local raw = redis.call('GETRANGE', key, 0, 4095)
  local length = length_of(raw)
  if length and length > 4083 then raw = redis.call('GETRANGE', key, 0, 12 + length) end
  return scopes_in(raw)
end

-- The tokens of the scopes, made where there are none, to live for at least so long.
local function tokens_of(names, fresh, lifetime)
  local tokens = {}
  for i = 1, #names do
    local key = prefix .. names[i]
    local token = redis.call('GET', key)
    if not token then
      token = fresh
      redis.call('SET', key, token, 'PX', lifetime)
    elseif redis.call('PTTL', key) < tonumber(lifetime) then
      redis.call('PEXPIRE', key, lifetime)
    end
    tokens[i] = token
  end
  return tokens
end

local function store(names, tokens, envelope, lifetime)
  local scopes = {}
  for i = 1, #names do
    scopes[i] = struct.pack('>I2', #names[i]) .. names[i] .. tokens[i]
  end
  scopes = table.concat(scopes)
  local head = 'W' .. struct.pack('>I8I4', now() + lifetime, #scopes)
  redis.call('SET', KEYS[1], head .. scopes .. envelope, 'PX', lifetime)
end

-- How many invalidations the owner has seen, after a name that is new when the count begins anew.
local function epoch(fresh)
  local key = prefix .. 'epoch'
  local name, count = unpack(redis.call('HMGET', key, 'name', 'count'))
  if not name then
    name, count = fresh, '0'
    redis.call('HSET', key, 'name', name, 'count', count)
    redis.call('PEXPIRE', key, 604800000)
  end
  return name .. count
end

-- Counts an invalidation, and tells all processes of it.
local function announce(fresh, owner, sender, names)
  local key = prefix .. 'epoch'
  local before = epoch(fresh)
  local count = redis.call('HINCRBY', key, 'count', 1)
  redis.call('PEXPIRE', key, 604800000)
  local name = string.sub(before, 1, 16)
  local parts = { name, struct.pack('>I8', count), sender, struct.pack('>I2', #owner), owner }
  for i = 1, #names do
    parts[#parts + 1] = struct.pack('>I2', #names[i]) .. names[i]
  end
  redis.call('PUBLISH', 'dotmac:invalidations', table.concat(parts))
end

local function rest(from)
  local names = {}
  for i = from, #ARGV do
    names[#names + 1] = ARGV[i]
  end
  return names
end
