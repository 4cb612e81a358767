// How values are cut is fixed by what was published: another cut reads as well, but shares nothing with what is stored.

import { expect, test } from 'vitest'
import { encodeValue } from '../../../../dist/core/codec/codecs.js'
import { jsonCodec } from '../../../../dist/core/codec/json.js'
import { idOf } from '../../../../dist/core/engine/content/chunk-id.js'
import type { ChunkKind } from '../../../../dist/core/engine/content/chunks.js'
import { cutContent } from '../../../../dist/core/engine/content/cut-content.js'
import { pieceEnd } from '../../../../dist/core/engine/content/fast-cdc.js'
import { storeContent } from '../../../../dist/core/engine/content/store-content.js'
import { StateMaker } from './states.js'

test('a state has the same tree as ever', async () => {
  const maker = new StateMaker(1)
  const state = {
    messages: maker.messages(300),
    notes: Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`note ${index}`, maker.text(40)])),
    long: maker.text(40_000),
    small: { a: [1, 2, 3] },
  }
  const ids: string[] = []
  const sink = {
    async put(kind: ChunkKind, plain: Uint8Array): Promise<string> {
      const id = await idOf(kind, plain)
      ids.push(`${kind} ${plain.length} ${id}`)
      return id
    },
  }
  const content = await storeContent(cutContent(encodeValue(jsonCodec, state)), sink)
  expect(content).toMatchInlineSnapshot(`
    {
      "bytes": 301806,
      "codec": 1,
      "contentHash": "39d2564c6859a6fba903210aeb1485fbac81ccb4dd87c1a0940bb3c8412c0e5b",
      "root": {
        "bytes": 301804,
        "kind": "map",
        "parts": [
          {
            "key": "messages",
            "node": {
              "bytes": 234018,
              "kind": "list",
              "parts": [
                {
                  "branch": "AeLbBEpxVThmmAI__UPDCvKZJyzI5pt6YnECt-mrTkoZ",
                  "bytes": 136049,
                  "items": 170,
                },
                {
                  "branch": "ARxt8_ZkkROOQT2spDpRd34gMl4c4wYNYnII-rDDgj_o",
                  "bytes": 97968,
                  "items": 130,
                },
              ],
            },
          },
          {
            "bytes": 27728,
            "key": "notes",
            "node": "ASyVCtdXS-X3yHqMLdijb9iUPeRYRt5x-IyVMTgfUUGV",
          },
          {
            "bytes": 40006,
            "key": "long",
            "node": "ASclfOv_WV__JQlcVDPqH4K8XZMm45JCf__LeJ6wbBII",
          },
          {
            "items": 1,
            "text": ""small":{"a":[1,2,3]}",
          },
        ],
      },
    }
  `)
  expect(ids.length).toMatchInlineSnapshot(`74`)
  expect(ids.filter((_, index) => index % 25 === 0)).toMatchInlineSnapshot(`
    [
      "leaf 7192 AdVycUMXDxOETO2NVXQI8uS3OCgIwhaXOJWFG7cCjM_m",
      "leaf 5650 AYW5UdUaD5BT2OEtaXW96rCxatmk2s_8csJcd9dUA0BH",
      "leaf 7190 AdzIypcilHiKi8_q7zlLkHU7my7-VH_pwuhy6VNpwTgd",
    ]
  `)
})

test('bytes are cut where they always were', () => {
  let seed = 1
  const bytes = Uint8Array.from({ length: 400_000 }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0
    return seed >>> 24
  })
  const cuts: number[] = []
  for (let at = 0; at < bytes.length; at = cuts.at(-1) as number)
    cuts.push(pieceEnd(bytes, at, bytes.length, { position: at, of: 'bytes' }))
  expect(cuts).toMatchInlineSnapshot(`
    [
      65746,
      142177,
      193439,
      212482,
      325392,
      397980,
      400000,
    ]
  `)
})
