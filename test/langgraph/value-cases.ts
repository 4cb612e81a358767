import { expectEqual, expectTrue, type SuiteCase } from 'varve/testing'
import { type Config, latest, put, type SaverCase, valuesAt } from './saver-scene.js'

const LONG = 'x'.repeat(300)

export function valueCases(saverCase: SaverCase): readonly SuiteCase[] {
  return [
    saverCase('values of every kind come back', async (saver) => {
      const values = {
        bytes: new Uint8Array([0, 1, 255]),
        map: new Map([['a', { b: new Set([1]) }]]),
        nothing: undefined,
        list: [null, true, 1.5, 'ü\u{1f600}\ud800', { 10: 'ten', 9: 'nine', z: [] }],
        inner: { bytes: new Uint8Array([7]) },
        ['__proto__']: 'a name like any other',
      }
      const config = await put(saver, { values })
      await saver.putWrites(
        config,
        [
          ['bytes', new Uint8Array([9])],
          ['map', values.map],
        ],
        'task',
      )
      const tuple = await saver.getTuple(config)
      expectEqual(tuple?.checkpoint.channel_values, values as Record<string, unknown>)
      expectEqual(tuple?.pendingWrites, [
        ['task', 'bytes', new Uint8Array([9])],
        ['task', 'map', values.map],
      ])
    }),
    saverCase('a serializer of the user writes and reads everything', async (saver) => {
      saver.serde = {
        dumpsTyped: async (value) => ['json', new TextEncoder().encode(` ${JSON.stringify(value)}`)],
        loadsTyped: async (type, data) => {
          const text = typeof data === 'string' ? data : new TextDecoder().decode(data)
          expectTrue(type === 'json' && text.startsWith(' '), 'the bytes are as they were written')
          return JSON.parse(text)
        },
      }
      const config = await put(saver, { values: { a: [1] } })
      expectEqual(await valuesAt(saver, config), { a: [1] })
    }),
    saverCase('a put takes values as they are at the time of the call', async (saver) => {
      const messages = ['hi']
      const putting = put(saver, { values: { messages } })
      messages.push('later')
      expectEqual(await valuesAt(saver, await putting), { messages: ['hi'] })
    }),
    saverCase('names of any length and kind are kept apart', async (saver) => {
      const namespaces = ['', 'ns', 'a:1|b:2', LONG, `${LONG}y`, 'Ü/%']
      const threads = ['thread', 'Thread', 'thread/', '__proto__']
      for (const thread of threads) for (const ns of namespaces) await put(saver, { thread, ns, values: { at: thread + ns } })
      for (const thread of threads) {
        for (const ns of namespaces) {
          const tuple = await saver.getTuple(latest(thread, ns))
          expectEqual(tuple?.checkpoint.channel_values, { at: thread + ns })
          expectEqual([tuple?.config.configurable?.thread_id, tuple?.config.configurable?.checkpoint_ns], [thread, ns])
          await saver.putWrites(tuple?.config as Config, [['at', ns]], LONG)
          expectEqual((await saver.getTuple(latest(thread, ns)))?.pendingWrites, [[LONG, 'at', ns]])
        }
      }
    }),
  ]
}
