// The layers, as ARCHITECTURE.md draws them: imports point down only. Both `import` and `import type` count, with one
// exception: codec may name the types of ports, because what a frame holds is what a port says a record is.

const layers = ['base', 'codec', 'ports', 'engine', 'derived', 'features', 'compose']

/** One rule a layer: it imports itself and what lies below it, nothing else of this project. */
const downwards = layers.map((layer, index) => ({
  name: `layer-${layer}`,
  comment: `core/${layer} imports only the layers below it: ${layers.slice(0, index).join(', ') || 'none'}`,
  severity: 'error',
  from: { path: `^src/core/${layer}/` },
  to: {
    path: '^src/',
    pathNot: [
      `^src/core/(${layers.slice(0, index + 1).join('|')})/`,
      '^src/primitives/',
      ...(layer === 'codec' ? ['^src/core/ports/'] : []),
    ],
  },
}))

module.exports = {
  forbidden: [
    ...downwards,
    {
      name: 'codec-takes-types-of-ports',
      comment: 'a port gives codec a type, never code',
      severity: 'error',
      from: { path: '^src/core/codec/' },
      to: { path: '^src/core/ports/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'ports-are-types',
      comment: 'the ports are a contract: they import types only',
      severity: 'error',
      from: { path: '^src/core/ports/' },
      to: { path: '^src/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'feature-siblings',
      comment: 'a feature never imports another feature; what joins them lives in core/compose',
      severity: 'error',
      from: { path: '^src/core/features/([^/]+)/' },
      to: { path: '^src/core/features/', pathNot: '^src/core/features/$1/' },
    },
    {
      name: 'adapter-siblings',
      comment: 'an adapter never imports another adapter; what browsers share lives in adapters/web',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/' },
      to: { path: '^src/adapters/', pathNot: ['^src/adapters/$1/', '^src/adapters/web/'] },
    },
    {
      name: 'adapter-layers',
      comment: 'adapters import core/base, core/ports and core/derived only',
      severity: 'error',
      from: { path: '^src/adapters/' },
      to: { path: '^src/', pathNot: ['^src/adapters/', '^src/core/(base|ports|derived)/'] },
    },
    {
      name: 'core-names-no-adapter',
      comment: 'core knows ports, never who fills them',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: '^src/(adapters|platform|testing|cli|integrations|observe|open-store|index)' },
    },
    {
      name: 'platform-by-open-store-only',
      comment: '#platform is chosen in one place',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/open-store\\.ts$', '^src/platform/'] },
      to: { path: '^(#platform|src/platform/)' },
    },
    {
      name: 'primitives-by-codec-only',
      comment: 'hashes, compression and random bytes enter through core/codec',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/core/codec/', '^src/primitives/', '^src/compression/'] },
      to: { path: '^(#primitives|src/primitives/|src/core/codec/primitives\\.d\\.ts)' },
    },
    {
      name: 'primitives-stand-alone',
      comment: 'what implements the primitives imports nothing above core/base',
      severity: 'error',
      from: { path: '^src/primitives/' },
      to: { path: '^src/', pathNot: ['^src/primitives/', '^src/core/base/', '^src/core/codec/primitives\\.d\\.ts$'] },
    },
    {
      name: 'platform-chooses-adapters',
      comment: 'a platform file picks a default backend and does nothing else',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/', pathNot: ['^src/platform/', '^src/adapters/', '^src/core/(base|ports)/'] },
    },
    {
      name: 'nothing-imports-an-entry',
      comment: 'the command line, the test kit, the metrics and the integrations are entered from outside',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(cli|testing|integrations|observe)/'] },
      to: { path: '^src/(cli|testing|integrations|observe)/' },
    },
    {
      name: 'integration-layers',
      comment: 'an integration stands on core alone, and not on another one',
      severity: 'error',
      from: { path: '^src/integrations/([^/]+)/' },
      to: { path: '^src/', pathNot: ['^src/integrations/$1/', '^src/core/'] },
    },
    {
      name: 'observe-layers',
      comment: 'counting stands on core alone',
      severity: 'error',
      from: { path: '^src/observe/' },
      to: { path: '^src/', pathNot: ['^src/observe/', '^src/core/'] },
    },
    {
      name: 'no-cycles',
      comment: 'two files that need each other are one file, or need a third',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'every import leads somewhere',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependencies',
      comment: 'what is published stands on dependencies, or on optional ones of a peer, not on development tools',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['npm-peer'],
        pathNot: 'node_modules/@types/node/',
      },
    },
    {
      name: 'core-has-no-node',
      comment: 'core, metrics, integrations and the browser and edge adapters name no Node module',
      severity: 'error',
      from: { path: '^src/(core|integrations|observe|adapters/(memory|web|indexeddb|opfs|cloudflare-[a-z0-9]+))/' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['varve-source', 'node', 'import', 'types', 'default'],
      extensions: ['.ts', '.d.ts', '.js', '.mjs'],
    },
  },
}
