/**
 * The packages in the bundles of browsers: by esbuild and by Vite as they come, without a flag or a warning, and no larger than
 * their budgets.
 */
import { build, type Metafile, type OutputFile } from 'esbuild'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build as viteBuild } from 'vite'
import { afterAll, expect, test } from 'vitest'
import { node, packAll, project } from './consumer.support.ts'
import { CHART, PAGE } from './programs.support.ts'

const base = mkdtempSync(join(tmpdir(), 'adjoint-bundles-'))
afterAll(() => rmSync(base, { recursive: true }))
const packed = packAll(base)
let made = 0
const fresh = (files: Readonly<Record<string, string>>): string =>
  project(join(base, `project-${++made}`), packed.values(), files)

/** What stands in for a page: globals that only Node has are gone before the bundle runs. */
const ON_A_PAGE = `
for (const name of ['process', 'Buffer', 'setImmediate', 'clearImmediate', 'global']) delete globalThis[name]
const { log } = console
await import('./page.js')
log(String(await globalThis.gradient))
log((await globalThis.webgpu).left.message)
log(Object.keys(globalThis.all.rl).includes('grpoStep'))
`
/** What Vite's loader of chunks asks of a document: where to put a hint that a chunk comes. */
const DOCUMENT = `
globalThis.document = {
  getElementsByTagName: () => [],
  querySelector: () => null,
  createElement: () => ({}),
  head: { appendChild: () => undefined },
}
`
const EXPECTED = {
  code: 0,
  output: expect.stringMatching(/^2,4,6\nno WebGPU device: this browser has no WebGPU.*\ntrue\n$/) as string,
}

/** Makes `page.js` of `main.js` with no settings of a user's own, and gives the warnings. */
const bundled = async (at: string, format: 'esm' | 'iife'): Promise<readonly string[]> => {
  const { warnings } = await build({
    entryPoints: [join(at, 'main.js')],
    outfile: join(at, 'page.js'),
    ...{ bundle: true, format, minify: true, logLevel: 'silent' },
  })
  return warnings.map(({ text }) => text)
}

test.each(['esm', 'iife'] as const)('esbuild bundles all of it for a browser: %s', async (format) => {
  const at = fresh({ 'main.js': PAGE, 'run.mjs': ON_A_PAGE })
  expect(await bundled(at, format)).toEqual([])
  expect(await node(at, 'run.mjs')).toEqual(EXPECTED)
})

test.each(['esm', 'iife'] as const)('esbuild bundles charts and pages of report for a browser: %s', async (format) => {
  const run = `
for (const name of ['process', 'Buffer', 'setImmediate', 'clearImmediate', 'global']) delete globalThis[name]
const { log } = console
await import('./page.js')
log(/^<svg[^]*Loss[^]*<\\/svg>$/.test(await globalThis.chart))
log(typeof globalThis.pageHtml)
log(await globalThis.refused.catch(({ message }) => message))
`
  const at = fresh({ 'main.js': CHART, 'run.mjs': run })
  expect(await bundled(at, format)).toEqual([])
  expect(await node(at, 'run.mjs')).toEqual({
    code: 0,
    output: expect.stringMatching(/^true\nfunction\nreportRuns needs files, which only Node has\..*\n$/) as string,
  })
})

test('Vite builds a page of all of it', async () => {
  const at = fresh({
    'main.js': PAGE,
    'dist/run.mjs': DOCUMENT + ON_A_PAGE,
    'index.html': '<script type="module" src="/main.js"></script>',
  })
  const said: string[] = []
  const note = (text: string): void => void said.push(text)
  const logger = {
    ...{ info: () => undefined, warn: note, warnOnce: note, error: note, clearScreen: () => undefined },
    ...{ hasErrorLogged: () => false, hasWarned: false },
  }
  await viteBuild({
    root: at,
    base: './',
    configFile: false,
    customLogger: logger,
    build: {
      // How large a chunk may be is judged below, by budgets of our own.
      chunkSizeWarningLimit: Infinity,
      emptyOutDir: false,
      // What Vite adds for old browsers asks for a document, which the stand-in for a page below has not.
      modulePreload: { polyfill: false },
      rolldownOptions: { output: { entryFileNames: 'page.js' } },
    },
  })
  expect(said).toEqual([])
  expect(await node(join(at, 'dist'), 'run.mjs')).toEqual(EXPECTED)
})

/** What a page loads at once: the entry and what it imports, without what it may import later. Minified and compressed, in bytes. */
const loadedBytes = ({ outputs }: Metafile, files: readonly OutputFile[], entry: string): number => {
  const needed = new Set([entry])
  for (const path of needed)
    for (const { kind, path: next } of outputs[path]!.imports) if (kind === 'import-statement') needed.add(next)
  return files
    .filter(({ path }) => [...needed].some((name) => path.endsWith(name)))
    .reduce((bytes, { contents }) => bytes + gzipSync(contents, { level: 9 }).length, 0)
}

/** `without`: a device that opens at once, which a page that opens another one does not need, but pays for. */
const weigh = async (program: string, without?: RegExp): Promise<number> => {
  const at = fresh({ 'main.js': program })
  const { metafile, outputFiles } = await build({
    absWorkingDir: at,
    entryPoints: ['main.js'],
    outdir: 'out',
    bundle: true,
    write: false,
    splitting: true,
    format: 'esm',
    minify: true,
    metafile: true,
    plugins: [
      {
        name: 'without',
        setup: (plugin) => {
          if (without !== undefined)
            plugin.onLoad({ filter: without }, () => ({ contents: 'module.exports = {}', loader: 'js' }))
        },
      },
    ],
    logLevel: 'silent',
  })
  return loadedBytes(metafile, outputFiles, 'out/main.js')
}
const GRAD = `import { grad } from '@adjoint/autograd'; import { jit } from '@adjoint/tensor'; console.log(grad, jit)`
const LOGGED = `import { logged } from '@adjoint/rl'; console.log(logged)`
const ALL = `import * as a from '@adjoint/autograd'; import * as t from '@adjoint/tensor'; console.log(a, t)`

test.each([
  ['what grad and jit need, without a device', 60, GRAD, /backends[/\\]wasm[/\\]device\.js$/],
  ['what grad and jit need, with the wasm device, which opens at once', 80, GRAD, undefined],
  ['grad and jit of the one face', 80, `import { grad, jit } from 'adjoint'; console.log(grad, jit)`, undefined],
  ['a source of logged experience, without the sampler in its file, which a twin would hold', 30, LOGGED, undefined],
  [
    'charts, until one is drawn',
    4,
    `import { lineChart, renderSvg } from '@adjoint/report'; console.log(lineChart, renderSvg)`,
    undefined,
  ],
  ['everything in tensor and autograd, without a device', 103, ALL, /backends[/\\]wasm[/\\]device\.js$/],
  ['everything in tensor and autograd, with the wasm device', 130, ALL, undefined],
] as const)('%s: at most %i KB', async (what, most, program, without) => {
  const kilobytes = (await weigh(program, without)) / 1024
  console.log(`${what}: ${kilobytes.toFixed(1)} KB`)
  expect(kilobytes).toBeLessThanOrEqual(most)
})
