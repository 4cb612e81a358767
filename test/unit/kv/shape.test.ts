import { expectTypeOf, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { openKv } from '../../../dist/core/features/kv/open-kv.js'

interface User {
  readonly name: string
}

interface Shape {
  theme: string
  [key: `user:${string}`]: User
}

test('a shape types keys and values', async () => {
  const kv = await openKv<Shape>(memory())
  expectTypeOf(await kv.get('theme')).toEqualTypeOf<string | undefined>()
  expectTypeOf(await kv.get('user:ada')).toEqualTypeOf<User | undefined>()
  expectTypeOf(await kv.update('theme', (theme) => theme)).toEqualTypeOf<string | undefined>()
  // @ts-expect-error a key that the shape does not have
  await kv.get('other')
  // @ts-expect-error a value of another type
  await kv.put('theme', 1)
  await kv.clear()
  await kv.put('user:ada', { name: 'Ada' })
  for await (const item of kv.list({ prefix: 'user:' })) {
    expectTypeOf(item.value).toEqualTypeOf<string | User>()
    expectTypeOf(item.key).toEqualTypeOf<'theme' | `user:${string}`>()
    if (item.key === 'theme') expectTypeOf(item.value).toEqualTypeOf<string>()
  }
  const loose = await openKv(memory())
  expectTypeOf(await loose.get('anything')).toEqualTypeOf<unknown>()
})
