// A lock is a sorted set of its holders, by the time (the server's) at which their lease ends, and one of those who wait;
// who they are and which tokens they have is a hash beside it.

import { Script } from './connection.js'

const HELPERS = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function waiting(key)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  return redis.call('ZCARD', key)
end
`

/** KEYS holders owners waiters tokens; ARGV id mode leaseMs owner wait channel. The token, or 0. */
export const ACQUIRE = new Script(`${HELPERS}
local id, mode, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local free = redis.call('ZCARD', KEYS[1]) == 0
if free then redis.call('DEL', KEYS[2]) end
if redis.call('ZSCORE', KEYS[1], id) then return tonumber(redis.call('HGET', KEYS[2], 'token:' .. id)) end
if free or (mode == 'shared' and redis.call('HGET', KEYS[2], 'mode') == 'shared') then
  local token = redis.call('INCR', KEYS[4])
  redis.call('ZADD', KEYS[1], now + lease, id)
  redis.call('HSET', KEYS[2], 'mode', mode, 'owner:' .. id, ARGV[4], 'token:' .. id, token)
  redis.call('ZREM', KEYS[3], id)
  redis.call('PEXPIRE', KEYS[1], lease)
  redis.call('PEXPIRE', KEYS[2], lease)
  return token
end
if ARGV[5] == '1' then
  if redis.call('ZADD', KEYS[3], now + lease, id) == 1 then redis.call('PUBLISH', ARGV[6], '') end
  redis.call('PEXPIRE', KEYS[3], lease)
end
return 0`)

/** KEYS holders owners waiters; ARGV id leaseMs. Whether it is held, and how many wait. A lease of 0 is left as it is. */
export const RENEW = new Script(`${HELPERS}
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not ends or tonumber(ends) <= now then return {0, 0} end
local lease = tonumber(ARGV[2])
if lease > 0 then
  redis.call('ZADD', KEYS[1], now + lease, ARGV[1])
  redis.call('PEXPIRE', KEYS[1], lease)
  redis.call('PEXPIRE', KEYS[2], lease)
end
return {1, waiting(KEYS[3])}`)

/** KEYS holders owners waiters; ARGV id channel. */
export const RELEASE = new Script(`
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[2], 'owner:' .. ARGV[1], 'token:' .. ARGV[1])
if redis.call('ZCARD', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
redis.call('PUBLISH', ARGV[2], '')
return 1`)

/** KEYS holders owners. */
export const OWNER = new Script(`${HELPERS}
local holder = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'LIMIT', 0, 1)[1]
return holder and redis.call('HGET', KEYS[2], 'owner:' .. holder)`)
