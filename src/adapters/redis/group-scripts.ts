// A group is a native consumer group. What that does not know lies beside it. `runs`, a sorted set of stretches of ids by the
// time at which their visibility ends: one member for all that a receive delivered, so that neither a delivery nor an
// acknowledgement costs more than the native command. `due`, the same for single entries that wait otherwise: given back,
// extended, taken over, delayed (a fraction of a millisecond says why: .5 given back, .25 not due yet). And a hash with the
// reasons of nacks, the time of the last change, the last offset that a script knew to be delivered, and how many were
// trimmed away.
// Most reads are the native command alone, here as by other clients. What they took lies behind the last offset that a script
// knew of: the next script makes stretches of it, by the time at which the server says that each was delivered. `readers` is
// the visibility of those who read so, and when one of them last asked a script: who has another must not read so meanwhile,
// and what was read is hidden for the longer of the two. What was acknowledged is not pending any more when its time comes.
// Time is the server's, or `now` where a clock was given.

import { Script } from './connection.js'

/** Longer than anybody reads by the native command without asking a script. */
const READERS_MS = 5_000

const HELPERS = `
local function int(number) return string.format('%.0f', number) end
local function offsetOf(id)
  local number = string.match(id, '^0%-(%d+)$')
  return number and tonumber(number) - 1
end
local function idOf(offset) return '0-' .. int(offset + 1) end
local function memberOf(id)
  local offset = offsetOf(id)
  return offset and string.format('%016.0f', offset) or 'x' .. id
end
local function idOfMember(member)
  if string.sub(member, 1, 1) == 'x' then return string.sub(member, 2) end
  return idOf(tonumber(member))
end
local time = redis.call('TIME')
local serverNow = time[1] * 1000 + math.floor(time[2] / 1000)
local function clockOf(given) return tonumber(given) or serverNow end
local function entryOf(stream, group, id) return redis.call('XPENDING', stream, group, id, id, 1)[1] end
local function infoOf(stream, group)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if groups.err then return nil end
  for _, info in ipairs(groups) do
    local found = {}
    for at = 1, #info, 2 do found[info[at]] = info[at + 1] end
    if found['name'] == group then return found end
  end
end
local RESTS, DELAYED = '.5', '.25'
local function dueIn(fields)
  local found
  for at = 1, #fields, 2 do if fields[at] == 'h:varve-due' then found = tonumber(fields[at + 1]) end end
  return found
end
local function defer(stream, group, consumer, due, id, dueAt)
  redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', 0, 'JUSTID')
  redis.call('ZADD', due, int(dueAt) .. DELAYED, memberOf(id))
end
local function tick(stream, group, due, runs, info, given)
  local now = clockOf(given)
  local last = tonumber(redis.call('HGET', info, 'now') or 0)
  if now ~= last then redis.call('HSET', info, 'now', int(now)) end
  if now >= last then return end
  for _, key in ipairs({due, runs}) do
    local all = redis.call('ZRANGEBYSCORE', key, int(now), '+inf', 'WITHSCORES')
    for at = 1, #all, 2 do
      local score = tonumber(all[at + 1])
      if score % 1 ~= 0.25 then redis.call('ZINCRBY', key, int(now - last), all[at]) end
    end
  end
  local from = '-'
  repeat
    local entries = redis.call('XPENDING', stream, group, from, '+', 1000)
    for _, entry in ipairs(entries) do
      local id, consumer, idle, attempt = unpack(entry)
      local since = given == '' and serverNow or serverNow - idle + now - last
      redis.call('XCLAIM', stream, group, consumer, 0, id, 'TIME', int(since), 'RETRYCOUNT', attempt, 'JUSTID')
      from = '(' .. id
    end
  until #entries < 1000
end
local function addRun(runs, first, last, visibility, deadline)
  redis.call('ZADD', runs, int(deadline), int(first) .. ':' .. int(last) .. ':' .. int(visibility))
end
local function adopt(stream, group, runs, first, last, visibility)
  local from = idOf(first)
  repeat
    local entries, idle = redis.call('XPENDING', stream, group, from, idOf(last), 100), 0
    for _, entry in ipairs(entries) do idle = math.max(idle, entry[3]) end
    if #entries > 0 then
      local ends = entries[#entries][1]
      addRun(runs, offsetOf(entries[1][1]), offsetOf(ends), visibility, serverNow - idle + visibility)
      from = '(' .. ends
    end
  until #entries < 100
end
local function forget(due, info, member)
  redis.call('ZREM', due, member)
  redis.call('HDEL', info, member)
end
local function ackTo(stream, group, due, info, to)
  local count = 0
  repeat
    local pending = redis.call('XPENDING', stream, group, '-', to, 1000)
    for _, entry in ipairs(pending) do
      redis.call('XACK', stream, group, entry[1])
      forget(due, info, memberOf(entry[1]))
    end
    count = count + #pending
  until #pending < 1000
  return count
end
`

/** KEYS stream meta; ARGV group from create. A word. */
export const CREATE_GROUP = new Script(`${HELPERS}
if redis.call('HGET', KEYS[2], 'ended') == 'deleted' then return 'closed' end
if infoOf(KEYS[1], ARGV[1]) then return ARGV[3] == 'new' and 'conflict' or 'there' end
if ARGV[3] == 'false' then return 'missing' end
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0-' .. ARGV[2], 'MKSTREAM')
return 'made'`)

/** KEYS stream due info runs; ARGV group. */
export const DELETE_GROUP = new Script(`
redis.pcall('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
return 1`)

/** KEYS stream. */
export const GROUP_NAMES = new Script(`
local groups, names = redis.pcall('XINFO', 'GROUPS', KEYS[1]), {}
for _, info in ipairs(groups) do names[#names + 1] = info[2] end
return names`)

/**
 * KEYS stream due info meta runs; ARGV group consumer limit visibilityMs maxPending now. The time, the earliest time at which
 * something may be delivered again or -1, the deadline of what was taken, and that: entry, attempt, reason. Last, how many more
 * may be pending.
 */
export const RECEIVE = new Script(
  `${HELPERS}
local stream, due, info, meta, runs = unpack(KEYS)
local group, consumer = ARGV[1], ARGV[2]
local limit, visibility, maxPending, now = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), clockOf(ARGV[6])
local isGiven = ARGV[6] ~= ''
local deadline = now + visibility
local pending, oldest, newest = unpack(redis.call('XPENDING', stream, group))
tick(stream, group, due, runs, info, ARGV[6])
local known = redis.call('HMGET', meta, 'first', 'delays')
local first, hasDelays = tonumber(known[1] or 0), known[2]
if pending > 0 and (offsetOf(oldest) or first) < first then
  local dropped = ackTo(stream, group, due, info, '0-' .. int(first))
  redis.call('HINCRBY', info, 'dropped', dropped)
  pending = pending - dropped
end
local remembered = redis.call('HMGET', info, 'last', 'readers')
local last = tonumber(remembered[1] or -1)
local function passed(offset)
  if offset > last then last = offset end
end
local granted, isReader = visibility, true
if remembered[2] and not isGiven then
  local theirs, seen = string.match(remembered[2], '^(%d+):(%d+)$')
  granted = math.max(visibility, tonumber(theirs))
  isReader = tonumber(theirs) == visibility or math.abs(now - tonumber(seen)) > ${READERS_MS}
end
if isReader and not isGiven then redis.call('HSET', info, 'readers', int(visibility) .. ':' .. int(now)) end
if pending > 0 then
  local reached = offsetOf(newest)
  if reached and reached > last then
    if isGiven then addRun(runs, last + 1, reached, visibility, deadline)
    else adopt(stream, group, runs, last + 1, reached, granted) end
    passed(reached)
  elseif not reached then
    redis.call('ZADD', due, 'NX', int(deadline), memberOf(newest))
  end
end

local taken = {}
local function again(entry)
  local id, member = entry[1], memberOf(entry[1])
  local claimed
  if isGiven then claimed = redis.call('XCLAIM', stream, group, consumer, 0, id, 'TIME', int(now), 'RETRYCOUNT', entry[4] + 1)[1]
  else claimed = redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', entry[4] + 1)[1] end
  local dueAt = claimed and hasDelays and dueIn(claimed[2])
  if dueAt and dueAt > now then -- who read it died before that was noted
    defer(stream, group, consumer, due, id, dueAt)
  elseif claimed then
    taken[#taken + 1] = {claimed, entry[4] + 1, redis.call('HGET', info, member) or ''}
    redis.call('ZADD', due, int(deadline), member)
  else
    pending = pending - 1
    forget(due, info, member)
  end
end
repeat
  local members = #taken < limit and redis.call('ZRANGEBYSCORE', due, '-inf', '(' .. int(now + 1), 'LIMIT', 0, limit - #taken) or {}
  for _, member in ipairs(members) do
    local entry = entryOf(stream, group, idOfMember(member))
    if entry then again(entry) else forget(due, info, member) end
  end
until #members == 0
repeat
  local run = #taken < limit and redis.call('ZRANGEBYSCORE', runs, '-inf', int(now), 'LIMIT', 0, 1)[1] or nil
  if run then
    local from, to, granted = string.match(run, '^(%d+):(%d+):(%d+)$')
    granted = tonumber(granted)
    local start, left = '0-' .. int(tonumber(from) + 1), nil
    repeat
      local entries = redis.call('XPENDING', stream, group, start, '0-' .. int(tonumber(to) + 1), 1000)
      for _, entry in ipairs(entries) do
        if not redis.call('ZSCORE', due, memberOf(entry[1])) then
          local free = serverNow - entry[3] + granted
          if free > now + 10 then left = math.min(left or free, free)
          elseif #taken < limit then again(entry)
          else left = now end
        end
      end
      if #entries > 0 then start = '(' .. entries[#entries][1] end
    until #entries < 1000 or left == now
    if left then redis.call('ZADD', runs, int(left), run) else redis.call('ZREM', runs, run) end
    if left == now then run = nil end
  end
until not run

local room = math.min(limit - #taken, maxPending - pending)
while room > 0 do
  local reply = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', room, 'STREAMS', stream, '>')
  local entries = reply and reply[1] and reply[1][2] or {}
  local from
  for _, entry in ipairs(entries) do
    local id, dueAt = entry[1], hasDelays and dueIn(entry[2])
    if dueAt and dueAt > now then
      defer(stream, group, consumer, due, id, dueAt)
    else
      if isGiven then redis.call('XCLAIM', stream, group, consumer, 0, id, 'TIME', int(now), 'RETRYCOUNT', 1, 'JUSTID') end
      taken[#taken + 1] = {entry, 1, ''}
    end
  end
  if #entries > 0 then
    local begins, ends = offsetOf(entries[1][1]), offsetOf(entries[#entries][1])
    if begins and last + 1 < begins then begins = last + 1 end
    if begins and ends then
      addRun(runs, begins, ends, visibility, deadline)
      passed(ends)
    else
      for _, entry in ipairs(entries) do redis.call('ZADD', due, 'NX', int(deadline), memberOf(entry[1])) end
    end
  end
  pending = pending + #entries
  if #entries < room then break end
  room = math.min(limit - #taken, maxPending - pending)
end
redis.call('HSET', info, 'last', int(last))
local soonest = -1
for _, key in ipairs({due, runs}) do
  local score = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
  score = score and math.floor(tonumber(score))
  if score and (soonest < 0 or score < soonest) then soonest = score end
end
return {now, soonest, deadline, taken, isReader and maxPending - pending or 0}`,
  { whenFull: true },
)

/** KEYS stream due; ARGV group, packed deliveries [offset, time]: not due yet. */
export const DEFER = new Script(`${HELPERS}
for _, delivery in ipairs(cmsgpack.unpack(ARGV[2])) do
  local id = idOf(delivery[1])
  local entry = entryOf(KEYS[1], ARGV[1], id)
  if entry then defer(KEYS[1], ARGV[1], entry[2], KEYS[2], id, delivery[2]) end
end
return 1`)

/** KEYS stream due info meta runs; ARGV group, now, packed actions [kind, offset, attempt, ms, reason]. How many took effect. */
export const SETTLE = new Script(
  `${HELPERS}
local stream, due, info, _, runs = unpack(KEYS)
local group, now = ARGV[1], clockOf(ARGV[2])
local settled, acks, members = 0, {}, {}
local isPlain = redis.call('EXISTS', due) == 0 and redis.call('HLEN', info) <= 4
local function ack()
  if #acks == 0 then return end
  settled = settled + redis.call('XACK', stream, group, unpack(acks))
  if not isPlain then
    redis.call('ZREM', due, unpack(members))
    redis.call('HDEL', info, unpack(members))
  end
  acks, members = {}, {}
end
for _, action in ipairs(cmsgpack.unpack(ARGV[3])) do
  local kind, offset, attempt, ms, reason = unpack(action)
  local id = idOf(offset)
  if kind == 'ack' then
    acks[#acks + 1] = id
    if not isPlain then members[#members + 1] = memberOf(id) end
    if #acks >= 1000 then ack() end
  else
    ack()
    isPlain = false
    local entry = entryOf(stream, group, id)
    local isResting = kind == 'extend' and tonumber(redis.call('ZSCORE', due, memberOf(id)) or 0) % 1 ~= 0
    if entry and entry[4] == attempt and attempt > 0 and not isResting then
      redis.call('XCLAIM', stream, group, entry[2], 0, id, 'TIME', int(now), 'RETRYCOUNT', attempt, 'JUSTID')
      tick(stream, group, due, runs, info, ARGV[2])
      redis.call('ZADD', due, int(now + ms) .. (kind == 'nack' and RESTS or ''), memberOf(id))
      if kind == 'nack' then
        if reason == '' then redis.call('HDEL', info, memberOf(id)) else redis.call('HSET', info, memberOf(id), reason) end
      end
      settled = settled + 1
    end
  end
end
ack()
return settled`,
  { whenFull: true },
)

/** KEYS stream due; ARGV group, packed deliveries [offset, attempt]. */
export const RELEASE_DELIVERIES = new Script(
  `${HELPERS}
local stream, due, group = KEYS[1], KEYS[2], ARGV[1]
for _, delivery in ipairs(cmsgpack.unpack(ARGV[2])) do
  local id = idOf(delivery[1])
  local entry = entryOf(stream, group, id)
  if entry and entry[4] == delivery[2] then
    redis.call('XCLAIM', stream, group, entry[2], 0, id, 'RETRYCOUNT', delivery[2] - 1, 'JUSTID')
    redis.call('ZADD', due, '0' .. RESTS, memberOf(id))
  end
end
return 1`,
  { whenFull: true },
)

/** KEYS stream due info meta runs; ARGV group consumer minIdleMs limit visibilityMs now. As RECEIVE. */
export const CLAIM = new Script(`${HELPERS}
local stream, due, info, _, runs = unpack(KEYS)
local group, consumer = ARGV[1], ARGV[2]
local minIdle, limit, visibility, now = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), clockOf(ARGV[6])
local deadline = now + visibility
local out, from = {}, '-'
repeat
  local entries = redis.call('XPENDING', stream, group, from, '+', 1000)
  for _, entry in ipairs(entries) do
    local score = tonumber(redis.call('ZSCORE', due, memberOf(entry[1])) or 0)
    local idle = now - (serverNow - entry[3])
    if idle >= minIdle and score % 1 == 0 then out[#out + 1] = {entry[1], entry[4], idle} end
  end
  if #entries > 0 then from = '(' .. entries[#entries][1] end
until #entries < 1000
table.sort(out, function(a, b) return a[3] > b[3] or (a[3] == b[3] and (offsetOf(a[1]) or -1) < (offsetOf(b[1]) or -1)) end)
local taken = {}
for _, entry in ipairs(out) do
  if #taken >= limit then break end
  local id, attempt, member = entry[1], entry[2], memberOf(entry[1])
  local claimed = redis.call('XCLAIM', stream, group, consumer, 0, id, 'TIME', int(now), 'RETRYCOUNT', attempt + 1)[1]
  local dueAt = claimed and dueIn(claimed[2])
  if dueAt and dueAt > now then
    defer(stream, group, consumer, due, id, dueAt)
  elseif claimed then
    redis.call('ZADD', due, int(deadline), member)
    taken[#taken + 1] = {claimed, attempt + 1, redis.call('HGET', info, member) or ''}
  else
    forget(due, info, member)
  end
end
if #taken > 0 then tick(stream, group, due, runs, info, ARGV[6]) end
return {now, -1, deadline, taken}`)

/**
 * KEYS stream due info; ARGV group after limit now visibilityMs. Offset, consumer, ms since its delivery, attempt, deadline,
 * reason of each. Foreign entries, which come last, are left out: the next receive moves them aside.
 */
export const PENDING = new Script(`${HELPERS}
local stream, due, info = unpack(KEYS)
local now, found = clockOf(ARGV[4]), {}
for _, entry in ipairs(redis.call('XPENDING', stream, ARGV[1], '(' .. ARGV[2], '+', ARGV[3])) do
  local offset, member = offsetOf(entry[1]), memberOf(entry[1])
  if not offset then break end
  local deadline = tonumber(redis.call('ZSCORE', due, member) or serverNow - entry[3] + ARGV[5])
  local idle = deadline % 1 == 0.25 and 0 or math.max(0, now - (serverNow - entry[3]))
  found[#found + 1] = {offset, entry[2], idle, entry[4], math.floor(deadline), redis.call('HGET', info, member) or ''}
end
return found`)

/** KEYS stream meta due info runs; ARGV group next mode. -1 and where the stream ends when that is below, else 0. */
export const MOVE = new Script(`${HELPERS}
local stream, meta, due, info, runs = unpack(KEYS)
local group, next = ARGV[1], tonumber(ARGV[2])
local ends = tonumber(redis.call('HGET', meta, 'next') or 0)
if next > ends then return {-1, ends} end
local found = infoOf(stream, group)
if not found then return redis.error_reply('NOGROUP there is no such group') end
if ARGV[3] == 'seek' then
  ackTo(stream, group, due, info, '+')
  -- what is acknowledged natively leaves its deadline and its reason behind
  local known = redis.call('HMGET', info, 'now', 'dropped')
  redis.call('DEL', due, info, runs)
  redis.call('HSET', info, 'now', known[1] or 0, 'dropped', known[2] or 0, 'last', int(next - 1))
  redis.call('XGROUP', 'SETID', stream, group, '0-' .. int(next))
else
  if next > 0 then ackTo(stream, group, due, info, '0-' .. int(next)) end
  local last = offsetOf(found['last-delivered-id'])
  if last and last + 1 < next then redis.call('XGROUP', 'SETID', stream, group, '0-' .. int(next)) end
end
return {0, ends}`)

/** KEYS stream meta info; ARGV group. The floor, the next offset to be delivered for the first time, how many are pending, and were trimmed away; -1 without the group. */
export const GROUP_STATE = new Script(`${HELPERS}
local stream, meta, info, group = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local found = infoOf(stream, group)
if not found then return {-1, 0, 0, 0} end
local stored = redis.call('HMGET', meta, 'next', 'first')
local next, first = tonumber(stored[1] or 0), tonumber(stored[2] or 0)
local last = offsetOf(found['last-delivered-id'])
local cursor = next
if last and last + 1 < next then
  local following = redis.call('XRANGE', stream, '(' .. found['last-delivered-id'], '+', 'COUNT', 1)[1]
  cursor = following and offsetOf(following[1]) or next
end
local floor = cursor
local summary = redis.call('XPENDING', stream, group)
if summary[1] > 0 then floor = math.min(cursor, offsetOf(summary[2]) or cursor) end
return {math.max(floor, first), math.max(cursor, first), summary[1], tonumber(redis.call('HGET', info, 'dropped') or 0)}`)

/**
 * KEYS stream meta quarantine; ARGV id reason, then what keys of a group begin with…. Moves an entry aside: groups that had
 * it pending have not any more, and what it did to the order of ids is undone.
 */
export const QUARANTINE = new Script(`${HELPERS}
local stream, meta, quarantine = unpack(KEYS)
local id = ARGV[1]
local entry = redis.call('XRANGE', stream, id, id)[1]
if not entry then return 0 end
local size = 0
for _, field in ipairs(entry[2]) do size = size + #field end
redis.call('XADD', quarantine, '*', 'quarantined-id', id, 'quarantine-reason', ARGV[2], unpack(entry[2]))
redis.call('XDEL', stream, id)
if offsetOf(id) then redis.call('HINCRBY', meta, 'bytes', -math.min(size, tonumber(redis.call('HGET', meta, 'bytes') or 0))) end
local next = tonumber(redis.call('HGET', meta, 'next') or 0)
local ends = '0-' .. int(next)
redis.pcall('XSETID', stream, ends)
for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local group = info[2]
  redis.call('XACK', stream, group, id)
  for at = 3, #ARGV do
    local key = ARGV[at] .. group
    if at == 3 then redis.call('ZREM', key, memberOf(id)) else redis.call('HDEL', key, memberOf(id)) end
  end
  local last = offsetOf(infoOf(stream, group)['last-delivered-id'])
  if not last or last >= next then redis.call('XGROUP', 'SETID', stream, group, ends) end
end
return 1`)
