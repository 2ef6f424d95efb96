-- Prolongs locks that are still their tokens'. Where one is gone, it is not made again.
--
-- KEYS: lock, locks; for each
-- ARGV: token, ms to live, name; for each
-- Answers 1 or 0 for each.
local at, answers = now(), {}
for i = 1, #KEYS / 2 do
  local lock, locks = KEYS[2 * i - 1], KEYS[2 * i]
  local token, ms, name = ARGV[3 * i - 2], tonumber(ARGV[3 * i - 1]), ARGV[3 * i]
  if read(lock) == token then
    redis.call('PEXPIRE', lock, ms)
    redis.call('ZADD', locks, digits(at + 1000 * ms), name)
    outlive(locks, at, ms)
    answers[i] = 1
  else
    answers[i] = 0
  end
end
return answers
