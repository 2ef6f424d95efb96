-- Somebody waits no more. Who was woken for nothing wakes another.
--
-- KEYS: lock, queue
-- ARGV: who waited
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 and redis.call('EXISTS', KEYS[1]) == 0 then
  wake(KEYS[2])
end
return 1
