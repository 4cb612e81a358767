// The ready-made records: events, audits and dead letters, strict in what is written and tolerant in what is read.

import { openEventRecords } from '../core/compose/event-records.js'
import { openQueue } from '../core/features/queue/open-queue.js'
import { queues } from '../core/features/queue/queues.js'
import type { StandardSchema } from '../core/features/queue/schema.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { storeCase, storeOn } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

/** Part of `queueSuite`. */
export function eventRecordCases(make: MakeBackend, options: BackendSuiteOptions): readonly SuiteCase[] {
  return [...kindCases(make), ...tolerantCases(make), ...placeCases(make, options)]
}

const AUDIT = {
  systemId: 'local',
  totalActors: 0,
  aliveActors: 0,
  stoppingActors: 0,
  restartingActors: 0,
  registrySize: 0,
  registryOrphans: [],
  registryDead: [],
  deadLettersCount: 0,
}

function kindCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('records: each kind is stored with all its fields', make, async (store) => {
      const records = await openEventRecords(store, { systemId: 'shop' })
      await records.events.append({ eventType: 'ActorStarted' })
      const crash = { systemId: 'x', actorAddress: 'x/a', eventType: 'ActorCrashed', payload: { error: 'no' }, occurredAt: 5 }
      await records.events.append(crash)
      await records.audits.append({ totalActors: 3, registryOrphans: ['a'] })
      await records.deadLetters.append({ messageType: 'Pay', target: 'x/a', payload: [1], reason: 'mailbox full' })
      await records.deadLetters.append({ messageType: 'Pay' })
      const values = async (queue: { read(): Promise<readonly { readonly value: unknown }[]> }) =>
        (await queue.read()).map(({ value }) => value)
      expectEqual(await values(records.events), [
        { systemId: 'shop', actorAddress: '', eventType: 'ActorStarted', payload: {} },
        crash,
      ] as unknown[])
      expectEqual(await values(records.audits), [{ ...AUDIT, systemId: 'shop', totalActors: 3, registryOrphans: ['a'] }] as unknown[])
      expectEqual(await values(records.deadLetters), [
        { systemId: 'shop', target: 'x/a', messageType: 'Pay', payload: [1], reason: 'mailbox full' },
        { systemId: 'shop', messageType: 'Pay', payload: {} },
      ] as unknown[])
      expectEqual(await queues(store), ['audits', 'dead-letters', 'events'])
    }),
    storeCase('records: what does not fit its kind is invalid, and unknown fields are not stored', make, async (store) => {
      const { events, audits, deadLetters } = await openEventRecords(store)
      const wrong = (value: object) => value as never
      for (const value of [
        {},
        { eventType: '' },
        { eventType: 5 },
        { eventType: 'a', occurredAt: -1 },
        { eventType: 'a', actorAddress: 1 },
      ])
        await expectRejects(events.append(wrong(value)), 'invalid', JSON.stringify(value))
      for (const value of [{ totalActors: -1 }, { aliveActors: 0.5 }, { registryDead: [1] }, { registryOrphans: 'a' }, []])
        await expectRejects(audits.append(wrong(value)), 'invalid', JSON.stringify(value))
      for (const value of [{ target: 'a' }, { messageType: 'a', reason: 1 }])
        await expectRejects(deadLetters.append(wrong(value)), 'invalid', JSON.stringify(value))
      await events.append(wrong({ eventType: 'a', more: 1 }))
      expectEqual((await (await openQueue(store, 'events')).read())[0]?.value, {
        systemId: 'local',
        actorAddress: '',
        eventType: 'a',
        payload: {},
      } as unknown)
      await expectRejects(openEventRecords(store, { systemId: 5 as unknown as string }), 'invalid')
    }),
    storeCase('records: events of one actor keep their order in many buckets, and groups take them', make, async (store) => {
      const { events } = await openEventRecords(store, { events: { buckets: 4 } })
      const receipts = []
      for (const eventType of ['a', 'b', 'c']) receipts.push(await events.append({ actorAddress: 'x/1', eventType }))
      expectEqual(new Set(receipts.map(({ bucket }) => bucket)).size, 1)
      const group = await events.group('watch')
      const seen: string[] = []
      await group.process(({ value }) => seen.push(value.eventType), { until: 'empty' })
      expectEqual(seen, ['a', 'b', 'c'])
    }),
  ]
}

function tolerantCases(make: MakeBackend): readonly SuiteCase[] {
  const asIs: StandardSchema = { '~standard': { version: 1, vendor: 'suite', validate: (value) => ({ value }) } }
  return [
    storeCase('records: other programs, older and newer ones can be read: unknown dropped, missing defaulted', make, async (store) => {
      const { audits, events } = await openEventRecords(store, { systemId: 'shop' })
      const foreign = await openQueue(store, 'audits')
      await foreign.append({ totalActors: 2, colour: 'red' }, { key: 'k' })
      const newer = await openQueue(store, 'audits', { schema: { version: 9, schema: asIs } })
      await newer.append({ ...AUDIT, systemId: 'y', aliveActors: null, shards: 5 }, { key: 'k' })
      const same = await openQueue(store, 'audits', { schema: asIs })
      await same.append({ ...AUDIT, more: true }, { key: 'k' })
      const read = (await audits.read()).map(({ value }) => value)
      expectEqual(read, [{ ...AUDIT, systemId: '', totalActors: 2 }, { ...AUDIT, systemId: 'y' }, AUDIT])
      await (await openQueue(store, 'events')).append({ payload: null }, { key: 'k' })
      expectEqual((await events.read())[0]?.value, { systemId: '', actorAddress: '', eventType: '', payload: {} })
    }),
    storeCase('records: what is of no kind at all is invalid with its place, and can be passed', make, async (store) => {
      const { events } = await openEventRecords(store)
      await (await openQueue(store, 'events')).append('a text', { key: 'k' })
      await events.append({ eventType: 'a' })
      const reader = await events.reader()
      expectEqual((await expectRejects(reader.read(), 'invalid')).facts.offset, 0)
      await reader.setOffset(0, 1)
      expectEqual((await reader.read())[0]?.value.eventType, 'a')
    }),
  ]
}

function placeCases(make: MakeBackend, { reopen }: BackendSuiteOptions): readonly SuiteCase[] {
  return [
    storeCase('records: each kind may have a store and a name of its own', make, async (store) => {
      const other = await make()
      try {
        const records = await openEventRecords(store, { audits: { store: other, name: 'how-it-stood', retention: { records: 10 } } })
        await records.events.append({ eventType: 'a' })
        await records.audits.append({})
        expectEqual([await queues(store), await queues(other)], [['dead-letters', 'events'], ['how-it-stood']])
        await records.close()
        await expectRejects(records.audits.read(), 'closed')
      } finally {
        await other.close()
      }
    }),
    storeCase('records: when one cannot be opened, none stays open', make, async (store) => {
      await openEventRecords(store, { events: { buckets: 2 } })
      await expectRejects(openEventRecords(store, { deadLetters: { buckets: 3 } }), 'invalid')
      await expectRejects(openEventRecords(store, { audits: { name: 'none', create: false } }), 'missing')
      expectTrue((await openEventRecords(store)).events.buckets === 2, 'they can be opened again')
    }),
    ...(reopen === undefined ? [] : [kept(make, reopen)]),
  ]
}

function kept(make: MakeBackend, reopen: NonNullable<BackendSuiteOptions['reopen']>): SuiteCase {
  return storeCase('records: they are there after a restart', make, async (store, backend) => {
    await (await openEventRecords(store)).events.append({ eventType: 'a' })
    await store.close()
    await backend.close()
    const again = await reopen(backend)
    try {
      const { events } = await openEventRecords(storeOn(again), { events: { create: false } })
      expectEqual((await events.read())[0]?.value.eventType, 'a')
    } finally {
      await again.close()
    }
  })
}
