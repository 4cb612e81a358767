import { checkName } from '../../base/key.js'
import { chooseCodec } from '../../codec/codecs.js'
import { contextOf, type Store } from '../../derived/resolve.js'
import type { Backend } from '../../ports/backend.js'
import { KvNamespace } from './kv-namespace.js'
import type { Kv, KvOptions } from './types.js'

/**
 * Opens a namespace of keys and values in a store (or on a bare backend). `Shape` types keys and values:
 * `openKv<{ theme: string; [key: `user:${string}`]: User }>(store)`. Nothing is written before the first put.
 * `invalid` for a bad namespace name or codec.
 */
export async function openKv<Shape = Record<string, unknown>>(
  source: Store | Backend,
  namespace = 'default',
  options: KvOptions = {},
): Promise<Kv<Shape>> {
  const context = contextOf(source)
  context.checkOpen('openKv')
  checkName('namespace', namespace)
  return new KvNamespace<Shape>(context, namespace, await chooseCodec(options.codec))
}
