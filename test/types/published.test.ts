import { readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compile, newProject, type Project, root } from '../package/project.js'

const RESOLUTIONS = {
  nodenext: { module: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}
const LIBRARIES = ['ES2022', 'DOM']

describe('published types, without types of Node and with every declaration checked', () => {
  let project: Project

  beforeAll(async () => {
    project = await newProject()
    await project.write('everything.ts', await everyEntry())
    await project.write('inference.ts', await readFile(join(root, 'test/types/inference.ts'), 'utf8'))
    await project.write('disposal.ts', await readFile(join(root, 'test/types/disposal.ts'), 'utf8'))
    await project.write('schemas.ts', await readFile(join(root, 'test/types/schemas.ts'), 'utf8'))
    await project.write('langgraph.ts', await readFile(join(root, 'test/types/langgraph.ts'), 'utf8'))
    await symlink(join(root, 'node_modules/@langchain'), join(project.folder, 'node_modules/@langchain'))
    await project.write('opentelemetry.ts', await readFile(join(root, 'test/types/opentelemetry.ts'), 'utf8'))
    await symlink(join(root, 'node_modules/@opentelemetry'), join(project.folder, 'node_modules/@opentelemetry'))
    await project.write('codecs.ts', await readFile(join(root, 'test/types/codecs.ts'), 'utf8'))
    await symlink(join(root, 'node_modules/valibot'), join(project.folder, 'node_modules/valibot'))
    await project.write('wrong.ts', "import { openKv } from 'varve'\nexport const kv: number = openKv\n")
  })
  afterAll(() => project?.remove())

  for (const [name, options] of Object.entries(RESOLUTIONS)) {
    test(`every entry compiles (${name})`, async () => {
      await compile(project, `everything-${name}`, ['everything.ts'], { ...options, lib: LIBRARIES })
    })

    test(`what README shows is inferred (${name})`, async () => {
      const lib = [...LIBRARIES, 'DOM.AsyncIterable']
      await compile(project, `inference-${name}`, ['inference.ts'], { ...options, lib })
      await compile(project, `exact-${name}`, ['inference.ts'], { ...options, lib, exactOptionalPropertyTypes: true })
    })

    test(`what is held open can be held by await using (${name})`, async () => {
      await compile(project, `disposal-${name}`, ['disposal.ts'], { ...options, lib: [...LIBRARIES, 'ESNext.Disposable'] })
    })

    test(`a queue has the types of its schema (${name})`, async () => {
      const lib = [...LIBRARIES, 'DOM.AsyncIterable']
      const exactOptionalPropertyTypes = name === 'nodenext'
      await compile(project, `schemas-${name}`, ['schemas.ts'], { ...options, lib, exactOptionalPropertyTypes })
    })

    test(`a checkpointer is one to LangGraph (${name})`, async () => {
      // Its own declarations need libraries that they do not bring, so they are taken as they are.
      await compile(project, `langgraph-${name}`, ['langgraph.ts'], {
        ...options,
        lib: [...LIBRARIES, 'DOM.AsyncIterable'],
        skipLibCheck: true,
      })
    })

    test(`tracer and meter are those of OpenTelemetry (${name})`, async () => {
      const exactOptionalPropertyTypes = name === 'nodenext'
      await compile(project, `opentelemetry-${name}`, ['opentelemetry.ts'], { ...options, lib: LIBRARIES, exactOptionalPropertyTypes })
    })

    test(`codecs and compressions are chosen by name or given (${name})`, async () => {
      const exactOptionalPropertyTypes = name === 'nodenext'
      await compile(project, `codecs-${name}`, ['codecs.ts'], { ...options, lib: LIBRARIES, exactOptionalPropertyTypes })
    })

    test(`a wrong use does not compile (${name})`, async () => {
      await expect(compile(project, `wrong-${name}`, ['wrong.ts'], { ...options, lib: LIBRARIES })).rejects.toThrow('TS2322')
    })
  }
})

/** A file that imports all that package.json exports and needs nothing beside the package: an integration needs its peers. */
async function everyEntry(): Promise<string> {
  const { exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const entries = Object.keys(exports).filter((path) => path !== './package.json' && !path.startsWith('./integrations/'))
  return entries.map((path, i) => `export * as entry${i} from 'varve${path.slice(1)}'`).join('\n')
}
