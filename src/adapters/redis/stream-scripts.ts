// A bucket is a native stream with dense offsets. Beside it lie a hash of its bounds (`next`, `first`, `timestamp` the
// greatest so far, `bytes`, `total` appended but for what a compaction took, `mark`, `ended`), marks of where which byte lies, the tables of
// ids and producers, and the last answers of each writer, so that an append that is sent twice is answered twice and stored
// once. Every script is atomic, in memory, in the append-only file and on replicas.

import { Script } from './connection.js'

/** A writer has at most so many appends under way: their answers are kept. */
export const SLOTS = 256

const HELPERS = `
local function int(number) return string.format('%.0f', number) end
local function idOf(offset) return '0-' .. int(offset + 1) end
local function offsetOf(id) return tonumber(string.match(id, '^0%-(%d+)$') or 0) - 1 end
local function serverNow()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function sizeOf(entry)
  local size = 0
  for _, field in ipairs(entry[2]) do size = size + #field end
  return size
end
`

/**
 * KEYS stream meta session marks ids idOrder producers producerOrder guard; ARGV packed request, channel, values…: those in
 * whose place the request says true, in their order, so that they are not copied once more. The request is
 * now or false, when or false, at or false, keep, number of the append, producer [id, epoch, sequence, allowGaps] or false,
 * window ms, window ids, version of the guard, bytes between marks, records [fields, timestamp or false, id or false,
 * said producer [epoch, sequence, id] or false], whether one of them is delayed. Answers begin with a word.
 */
export const APPEND = new Script(`${HELPERS}
local stream, meta, session, marks, ids, idOrder, producers, producerOrder, guard = unpack(KEYS)
local now, when, at, keep, number, producer, windowMs, windowIds, version, every, records, hasDelays = unpack(cmsgpack.unpack(ARGV[1]))

local slot = number % ${SLOTS}
local answered = redis.call('HGET', session, slot)
if answered then
  local before = cmsgpack.unpack(answered)
  if before[1] == number then return before[2] end
  if before[1] > number then return {'late'} end
end
local stored = redis.call('HMGET', meta, 'next', 'timestamp', 'ended', 'bytes', 'total', 'mark')
if stored[3] then return {'closed', stored[3]} end
if version ~= '' and redis.call('GETRANGE', guard, 0, 7) ~= version then return {'closed', 'deleted'} end
local next = tonumber(stored[1] or 0)
now = now or serverNow()
local latest = tonumber(stored[2] or 0)
local stamp = math.max(latest, now)

local function producerOf(id)
  local known = redis.call('HGET', producers, id)
  return known and cmsgpack.unpack(known)
end
if producer then
  local id, epoch, sequence, gaps = unpack(producer)
  local known = producerOf(id)
  if known and known[1] == epoch then
    for _, batch in ipairs(known[4]) do
      if batch[1] == sequence then return {'repeated', batch[2], batch[2] + #records, batch[3]} end
    end
  end
  if known and epoch < known[1] then return {'fenced', known[1]} end
  local expected = 0
  if known then expected = epoch > known[1] and sequence or known[3] end
  if not (sequence == expected or (gaps and sequence > expected)) then
    local oldest = known and known[4][1] and known[4][1][1] or expected
    local isStored = known and sequence < oldest and sequence >= known[2]
    return {'gap', expected, isStored and 1 or 0}
  end
end

local fresh, places, times, isPartly, count, apart = {}, {}, {}, false, 0, 2
local begin = at or next
local here = {}
for index, record in ipairs(records) do
  if record[1][2] == true then
    apart = apart + 1
    record[1][2] = ARGV[apart]
  end
  local id = record[3]
  local seen = id and not at and here[id]
  if id and not at and not seen then
    local offset, time = string.match(redis.call('HGET', ids, id) or '', '^(%d+):(%d+)$')
    if offset and now - tonumber(time) < windowMs then seen = {tonumber(offset), tonumber(time)} end
  end
  if seen then
    isPartly = true
    places[index], times[index] = seen[1], seen[2]
  else
    places[index], times[index] = begin + count, stamp
    if id then here[id] = {begin + count, stamp} end
    count = count + 1
    fresh[count] = record
  end
end
if count == 0 then return {'known', places, times} end
if when and when ~= next then return {'conflict', next} end
if at and at < next then return {'past', next} end
if at and at - next > 2147483648 then return {'far', next} end

local offset, bytes, total, mark = begin, tonumber(stored[4] or 0), tonumber(stored[5] or 0), tonumber(stored[6] or 0)
local isMarked = 0
local said = {}
local stampText = int(stamp)
for _, record in ipairs(fresh) do
  local time, timeText, fields = stamp, stampText, record[1]
  if keep and record[2] then time, timeText = record[2], int(record[2]) end
  if time > latest then latest = time end
  local added
  if latest > time then
    added = redis.pcall('XADD', stream, idOf(offset), 'timestamp', timeText, 'max', int(latest), unpack(fields))
  else
    added = redis.pcall('XADD', stream, idOf(offset), 'timestamp', timeText, unpack(fields))
  end
  if type(added) == 'table' and added.err then
    if string.find(added.err, 'equal or smaller', 1, true) then return {'foreign'} end
    return added
  end
  if total - mark >= every or total == 0 then
    redis.call('ZADD', marks, total, int(offset))
    mark, isMarked = total, 1
  end
  local size = 9 + #timeText
  for at = 1, #fields do size = size + #fields[at] end
  bytes, total = bytes + size, total + size
  if record[3] then
    redis.call('HSET', ids, record[3], int(offset) .. ':' .. timeText)
    redis.call('ZADD', idOrder, offset, record[3])
  end
  if record[4] then said[#said + 1] = {record[4][1], record[4][2], record[4][3], offset, time} end
  offset = offset + 1
end
if producer then said = {{producer[2], producer[3], producer[1], begin, stamp}} end
for _, batch in ipairs(said) do
  local epoch, sequence, id, first, time = unpack(batch)
  local known = producerOf(id)
  local place = {sequence, first, time}
  local after
  if not known or epoch > known[1] then
    after = {epoch, sequence, sequence + 1, {place}}
  elseif epoch == known[1] and sequence >= known[3] then
    local recent = known[4]
    if #recent >= 8 then table.remove(recent, 1) end
    recent[#recent + 1] = place
    after = {epoch, known[2], sequence + 1, recent}
  end
  if after then
    redis.call('HSET', producers, id, cmsgpack.pack(after))
    redis.call('ZADD', producerOrder, first, id)
    if redis.call('ZCARD', producerOrder) > 10000 then redis.call('HDEL', producers, redis.call('ZPOPMIN', producerOrder)[1]) end
  end
end
redis.call('HSET', meta, 'next', int(offset), 'timestamp', int(latest), 'bytes', int(bytes), 'total', int(total), 'mark', int(mark))
if hasDelays then redis.call('HSET', meta, 'delays', 1) end
if redis.call('EXISTS', idOrder) == 1 then
  local excess = redis.call('ZCARD', idOrder) - windowIds
  for _ = 1, 2 * #records + 10 do
    local oldest = redis.call('ZRANGE', idOrder, 0, 0)[1]
    if not oldest then break end
    local time = tonumber(string.match(redis.call('HGET', ids, oldest) or '', ':(%d+)$') or 0)
    if excess <= 0 and now - time < windowMs then break end
    redis.call('ZREM', idOrder, oldest)
    redis.call('HDEL', ids, oldest)
    excess = excess - 1
  end
end
local reply = {'ok', begin, offset, latest, isMarked}
if isPartly then reply = {'ok', begin, offset, latest, isMarked, places, times} end
redis.call('HSET', session, slot, cmsgpack.pack({number, reply}))
redis.call('PEXPIRE', session, 3600000)
redis.call('PUBLISH', ARGV[2], '')
return reply`)

/**
 * KEYS stream meta marks; ARGV now, time, age, records, bytes, each '' where there is none. First and next offset, the
 * oldest to keep, the first at or after the time (by the greatest timestamp so far), and how the stream ended.
 */
export const LOCATE = new Script(`${HELPERS}
local stored = redis.call('HMGET', KEYS[2], 'next', 'first', 'ended', 'total', 'bytes')
local next, first = tonumber(stored[1] or 0), tonumber(stored[2] or 0)
local function fieldOf(fields, name)
  for at = 1, #fields, 2 do if fields[at] == name then return fields[at + 1] end end
end
local function offsetAt(time)
  local low, high = first, next
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call('XRANGE', KEYS[1], idOf(middle), '+', 'COUNT', 1)[1]
    local offset = entry and offsetOf(entry[1]) or -1
    if offset < middle or offset >= high then
      high = middle
    elseif tonumber(fieldOf(entry[2], 'max') or fieldOf(entry[2], 'timestamp') or 0) >= time then
      high = middle
    else
      low = offset + 1
    end
  end
  return low
end
local now = tonumber(ARGV[1]) or serverNow()
local floor = first
if ARGV[3] ~= '' then floor = math.max(floor, offsetAt(now - tonumber(ARGV[3]))) end
if ARGV[4] ~= '' then floor = math.max(floor, next - tonumber(ARGV[4])) end
if ARGV[5] ~= '' then
  local from = tonumber(stored[4] or 0) - tonumber(ARGV[5])
  if from > 0 and tonumber(stored[5] or 0) > tonumber(ARGV[5]) then
    local mark = redis.call('ZRANGEBYSCORE', KEYS[3], int(from), '+inf', 'LIMIT', 0, 1)[1] or redis.call('ZRANGE', KEYS[3], -1, -1)[1]
    floor = math.max(floor, tonumber(mark or 0))
  end
end
local at = ARGV[2] ~= '' and offsetAt(tonumber(ARGV[2])) or 0
return {first, next, floor, at, stored[3] or ''}`)

/**
 * KEYS stream meta marks; ARGV before, how many entries at most. How many went, or -1 past the end. What frees memory comes
 * first: a full server takes no script that begins with anything else.
 */
export const TRIM = new Script(`${HELPERS}
local before, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local stored = redis.call('HMGET', KEYS[2], 'next', 'first', 'bytes')
if before > tonumber(stored[1] or 0) then return -1 end
local entries = redis.call('XRANGE', KEYS[1], '-', '0-' .. int(before), 'COUNT', limit)
local bytes = tonumber(stored[3] or 0)
for _, entry in ipairs(entries) do bytes = bytes - sizeOf(entry) end
if #entries > 0 then redis.call('XTRIM', KEYS[1], 'MINID', idOf(offsetOf(entries[#entries][1]) + 1)) end
redis.call('HSET', KEYS[2], 'first', int(math.max(before, tonumber(stored[2] or 0))), 'bytes', int(math.max(0, bytes)))
for _, mark in ipairs(redis.call('ZRANGE', KEYS[3], 0, limit)) do
  if tonumber(mark) >= before then break end
  redis.call('ZREM', KEYS[3], mark)
end
return #entries`)

/**
 * KEYS stream meta marks; ARGV packed offsets, the smallest first. How many went. The marks behind them move, as if what went
 * had never been appended: retention counts what is held. A mark with nothing left between it and the next is dropped.
 */
export const REMOVE = new Script(`${HELPERS}
local removed, gone = {}, 0
for _, offset in ipairs(cmsgpack.unpack(ARGV[1])) do
  local id = idOf(offset)
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then
    removed[#removed + 1] = {offset, sizeOf(entry)}
    gone = gone + sizeOf(entry)
    redis.call('XDEL', KEYS[1], id)
  end
end
local stored = redis.call('HMGET', KEYS[2], 'bytes', 'total')
local marks, at, before, last, previous = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES'), 1, 0, 0, nil
for index = 1, #marks, 2 do
  local mark = tonumber(marks[index])
  while removed[at] and removed[at][1] < mark do
    before, at = before + removed[at][2], at + 1
  end
  local score = math.max(last, tonumber(marks[index + 1]) - before)
  if previous and score == last then redis.call('ZREM', KEYS[3], previous) end
  if before > 0 then redis.call('ZADD', KEYS[3], int(score), marks[index]) end
  last, previous = score, marks[index]
end
local bytes, total = math.max(0, tonumber(stored[1] or 0) - gone), math.max(last, tonumber(stored[2] or 0) - gone)
redis.call('HSET', KEYS[2], 'bytes', int(bytes), 'total', int(total), 'mark', int(last))
return #removed`)

/** KEYS stream meta. Records, bytes and nodes of the native stream. */
export const STATS = new Script(`
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
local nodes = 0
for at = 1, #info, 2 do if info[at] == 'radix-tree-keys' then nodes = info[at + 1] end end
return {redis.call('XLEN', KEYS[1]), tonumber(redis.call('HGET', KEYS[2], 'bytes') or 0), nodes}`)

/** KEYS meta; ARGV channel. */
export const SEAL = new Script(`
if redis.call('HSETNX', KEYS[1], 'ended', 'sealed') == 1 then redis.call('PUBLISH', ARGV[1], '') end
return 1`)

/** KEYS stream meta and all else of it; ARGV what keys of a group begin with…. The word that it was deleted is kept for 30 days. */
export const DELETE_STREAM = new Script(`
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if not groups.err then
  for _, info in ipairs(groups) do for _, prefix in ipairs(ARGV) do redis.call('UNLINK', prefix .. info[2]) end end
end
for at, key in ipairs(KEYS) do if at ~= 2 then redis.call('UNLINK', key) end end
redis.call('HSET', KEYS[2], 'ended', 'deleted')
redis.call('PEXPIRE', KEYS[2], 2592000000)
return 1`)

/** KEYS producers; ARGV id. Epoch and the number expected next. */
export const PRODUCER = new Script(`
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then return nil end
known = cmsgpack.unpack(known)
return {known[1], known[3]}`)

/** KEYS stream meta. Makes the bounds of a stream again that has none. */
export const REBUILD = new Script(`${HELPERS}
if redis.call('HEXISTS', KEYS[2], 'next') == 1 then return 0 end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last then return 0 end
local latest, bytes, from = 0, 0, '-'
repeat
  local entries = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1000)
  for _, entry in ipairs(entries) do
    bytes = bytes + sizeOf(entry)
    for at = 1, #entry[2], 2 do
      if entry[2][at] == 'timestamp' then latest = math.max(latest, tonumber(entry[2][at + 1]) or 0) end
    end
  end
  if #entries > 0 then from = '(' .. entries[#entries][1] end
until #entries < 1000
redis.call('HSET', KEYS[2], 'next', int(offsetOf(last[1]) + 1), 'timestamp', int(latest), 'bytes', int(bytes), 'total', int(bytes), 'delays', 1)
return 1`)
