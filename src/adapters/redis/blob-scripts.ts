// A blob is a string: its last four versions, 8 bytes each, the newest first, then its bytes. The versions before tell a
// write that was sent twice (its answer was lost, or the client sent it again by itself) from a new one. A sorted set of
// the keys, all with score 0, is the ordered listing.

import { Script } from './connection.js'

export const VERSION_BYTES = 8
export const HEAD_BYTES = 32

/** `head` is what lies before a blob's bytes. */
const HELPERS = `
local function headOf(key) return redis.call('GETRANGE', key, 0, ${HEAD_BYTES - 1}) end
local function isKnown(head, version)
  for at = 1, #head, ${VERSION_BYTES} do if string.sub(head, at, at + ${VERSION_BYTES - 1}) == version then return true end end
  return false
end
local function holds(head, when)
  if when == '' then return true end
  if when == 'absent' then return head == '' end
  return string.sub(head, 1, ${VERSION_BYTES}) == when
end
local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function put(key, member, head, version, data, expiresAt, index, expiries)
  local older = string.sub(head, 1, ${HEAD_BYTES - VERSION_BYTES})
  older = older .. string.rep('\\0', ${HEAD_BYTES - VERSION_BYTES} - #older)
  redis.call('SET', key, version .. older .. data)
  if expiresAt ~= '' and tonumber(expiresAt) > nowMs() then
    redis.call('PEXPIREAT', key, expiresAt)
    redis.call('ZADD', expiries, expiresAt, member)
  end
  redis.call('ZADD', index, 0, member)
end
`

/** KEYS blob index expiries; ARGV key when version data expiresAt prefix. 0: the condition does not hold. */
export const PUT = new Script(`${HELPERS}
local head = headOf(KEYS[1])
if isKnown(head, ARGV[3]) then return 1 end
if not holds(head, ARGV[2]) then return 0 end
if ARGV[5] ~= '' then
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', nowMs(), 'LIMIT', 0, 10)) do
    redis.call('ZREM', KEYS[3], member)
    if redis.call('EXISTS', ARGV[6] .. member) == 0 then redis.call('ZREM', KEYS[2], member) end
  end
end
put(KEYS[1], ARGV[1], head, ARGV[3], ARGV[4], ARGV[5], KEYS[2], KEYS[3])
return 1`)

/** KEYS index expiries done blobs…; ARGV version, packed writes [kind, key, when, data, expiresAt]. Gives the place of a failed condition, from 1, or 0. */
export const BATCH = new Script(`${HELPERS}
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
local writes = cmsgpack.unpack(ARGV[2])
local heads = {}
for place, write in ipairs(writes) do
  local key = KEYS[3 + place]
  heads[key] = heads[key] or headOf(key)
  if not holds(heads[key], write[3]) then return place end
end
redis.call('SET', KEYS[3], '', 'PX', 600000)
for place, write in ipairs(writes) do
  local key = KEYS[3 + place]
  if write[1] == 'put' then
    put(key, write[2], headOf(key), ARGV[1], write[4], write[5], KEYS[1], KEYS[2])
  elseif write[1] == 'delete' then
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[1], write[2])
  end
end
return 0`)

/** KEYS blob; ARGV start end. */
export const GET_RANGE = new Script(`
local size = redis.call('STRLEN', KEYS[1])
if size == 0 then return nil end
local version = redis.call('GETRANGE', KEYS[1], 0, ${VERSION_BYTES - 1})
local from = tonumber(ARGV[1]) + ${HEAD_BYTES}
local last = tonumber(ARGV[2]) + ${HEAD_BYTES} - 1
if last < from then return {version, size - ${HEAD_BYTES}, ''} end
return {version, size - ${HEAD_BYTES}, redis.call('GETRANGE', KEYS[1], from, last)}`)

/** KEYS index expiries blobs…; ARGV keys…. */
export const DELETE = new Script(`
for place, member in ipairs(ARGV) do
  redis.call('UNLINK', KEYS[2 + place])
  redis.call('ZREM', KEYS[1], member)
  redis.call('ZREM', KEYS[2], member)
end
return 1`)

/** KEYS index; ARGV from to limit prefix. Keys, versions and sizes, and the last key looked at; what has expired is left out. */
export const LIST = new Script(`
local members = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2], 'BYLEX', 'LIMIT', 0, ARGV[3])
local found = {}
for _, member in ipairs(members) do
  local key = ARGV[4] .. member
  local size = redis.call('STRLEN', key)
  if size > 0 then
    found[#found + 1] = member
    found[#found + 1] = redis.call('GETRANGE', key, 0, ${VERSION_BYTES - 1})
    found[#found + 1] = size - ${HEAD_BYTES}
  end
end
return {members[#members] or '', #members, found}`)
