/** The packages as they are published: what npm packs installs, compiles and runs in projects that have nothing else. */
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { formatMessage } from 'publint/utils'
import { publint } from 'publint'
import { afterAll, describe, expect, test } from 'vitest'
import { node, packAll, project, publicPackages, root } from './consumer.support.ts'
import { GPU_GLOBAL, reachedTypes, typesIn, withoutComments } from './declarations.support.ts'
import { FIRST, TYPED, TYPED_ON_WEB } from './programs.support.ts'

const base = mkdtempSync(join(tmpdir(), 'adjoint-packages-'))
afterAll(() => rmSync(base, { recursive: true }))
const packed = packAll(base)
let made = 0
const fresh = (files: Readonly<Record<string, string>>, settings?: object): string =>
  project(join(base, `project-${++made}`), packed.values(), files, settings)

describe.each(publicPackages)('%s', (name) => {
  const { folder, tarball, manifest } = packed.get(name)!

  test('holds its license and its words, and no test', () => {
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist', 'package.json', 'src']))
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    expect(files.filter((file) => /\.(test|test-d|support)\.|tsbuildinfo/.test(file))).toEqual([])
  })

  test('law: it holds the declarations that an entry reaches and no other, with their sources, and none that names a type of WebGPU', () => {
    const reached = reachedTypes(folder, manifest)
    expect([...reached].filter((file) => !existsSync(file))).toEqual([])
    expect(typesIn(folder).filter((file) => !reached.has(file))).toEqual([])
    expect(typesIn(folder).filter((file) => !existsSync(`${file}.map`))).toEqual([])
    const named = typesIn(folder).filter((file) => GPU_GLOBAL.test(withoutComments(readFileSync(file, 'utf8'))))
    expect(named).toEqual([])
    // An editor goes from each to the source, which is packed too.
    const lost = [...reached].filter((file) => {
      const { sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { readonly sources: readonly string[] }
      return sources.some((source) => !existsSync(join(dirname(file), source)))
    })
    expect(lost).toEqual([])
  })

  test('says what it is', () => {
    expect(manifest).toMatchObject({
      license: 'MIT',
      keywords: expect.any(Array) as string[],
      publishConfig: { access: 'public', provenance: true },
      exports: { './package.json': './package.json' },
    })
  })

  test('is as publint wants it', async () => {
    const { messages } = await publint({ pkgDir: folder, pack: false, strict: true })
    expect(messages.map((message) => formatMessage(message, { ...manifest }))).toEqual([])
  })

  test('has types wherever it is found', async () => {
    const checked = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))))
    const problems = checked.types === false ? ['no types'] : checked.problems
    // It is a package of ES modules: TypeScript before 5.8 must be told so, and what knows no `exports` finds no entry but the first.
    expect(
      problems.filter(
        (problem) =>
          typeof problem === 'string' ||
          (problem.kind !== 'CJSResolvesToESM' &&
            !('resolutionKind' in problem && problem.resolutionKind === 'node10')),
      ),
    ).toEqual([])
  })
})

const compilers = [
  ['6', join(root, 'package.json')],
  ['5.9', join(root, 'packages', 'adjoint', 'package.json')],
] as const
const settings = [
  ['every file of types', 'module', TYPED_ON_WEB, { module: 'NodeNext', skipLibCheck: false, lib: ['ES2023', 'DOM'] }],
  [
    'every file of types, of neither a browser nor Node',
    'module',
    TYPED,
    { module: 'NodeNext', skipLibCheck: false, lib: ['ES2022'] },
  ],
  [
    'in a browser, bundled',
    'module',
    TYPED_ON_WEB,
    { module: 'ESNext', moduleResolution: 'bundler', skipLibCheck: true, lib: ['ES2023', 'DOM'] },
  ],
  ['as CommonJS', 'commonjs', TYPED, { module: 'NodeNext', skipLibCheck: true, lib: ['ES2023'] }],
] as const

describe.each(compilers)('TypeScript %s', (version, from) => {
  const tsc = createRequire(from).resolve('typescript/bin/tsc')

  test('is that', async () => {
    expect((await node(base, tsc, '--version')).output).toContain(`Version ${version}.`)
  })

  test.each(settings)(
    'compiles a strict program: %s',
    async (_, type, program, options) => {
      const compilerOptions = {
        strict: true,
        noEmit: true,
        target: 'ES2023',
        types: [],
        exactOptionalPropertyTypes: true,
      }
      const config = { compilerOptions: { ...compilerOptions, ...options }, files: ['main.ts'] }
      const at = fresh({ 'main.ts': program, 'tsconfig.json': JSON.stringify(config) }, { type })
      expect(await node(at, tsc, '-p', '.')).toEqual({ code: 0, output: '' })
    },
    120_000,
  )
})

describe('Node runs a first program', () => {
  test('of ES modules', async () => {
    expect(await node(fresh({ 'main.js': FIRST.esm }), 'main.js')).toEqual({ code: 0, output: '2,4,6\n' })
  })

  test('of CommonJS, which may require ES modules', async () => {
    const at = fresh({ 'main.js': FIRST.cjs }, { type: 'commonjs' })
    expect(await node(at, 'main.js')).toEqual({ code: 0, output: '2,4,6\n' })
  })

  const entries = [...packed.values()].flatMap(({ manifest }) =>
    Object.keys(manifest.exports)
      .filter((entry) => entry !== './package.json')
      .map((entry) => manifest.name + entry.slice(1)),
  )

  test('every entry of every package, with nothing but what it declares', async () => {
    const text = `for (const entry of ${JSON.stringify(entries)}) await import(entry)`
    expect(await node(fresh({ 'main.js': text }), 'main.js')).toEqual({ code: 0, output: '' })
  })

  test.each(entries)('of CommonJS: %s', async (entry) => {
    const at = fresh({ 'main.js': `console.log(Object.keys(require('${entry}')).length > 0)` }, { type: 'commonjs' })
    expect(await node(at, 'main.js')).toEqual({ code: 0, output: 'true\n' })
  })

  test('without the package webgpu says what to install, and runs on without it', async () => {
    const text = `
import { requestDevice, requestDeviceAsync } from 'adjoint'
console.log((await requestDevice({ kind: 'webgpu' })()).left.message)
const { kind } = await requestDeviceAsync()
console.log(kind === 'native' || kind === 'wasm')
process.exit()`
    const { code, output } = await node(fresh({ 'main.js': text }), 'main.js')
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/^no WebGPU device: .*run `npm install webgpu`.*\ntrue\n$/) as string,
    })
  })

  test('writes the page of a run by the command of report', async () => {
    const log =
      '{"phase":"train","kind":"metrics","step":0,"loss":1}\n{"phase":"train","kind":"metrics","step":1,"loss":0.5}\n'
    const at = fresh({ 'runs/a/log.jsonl': log, 'runs/a/times.jsonl': '' })
    const bin = join(packed.get('report')!.folder, 'dist', 'bin.js')
    const { code, output } = await node(at, bin, 'runs/a')
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('viewer.html: 1 run') as string })
    expect(readFileSync(join(at, 'runs', 'a', 'viewer.html'), 'utf8')).toContain('<script>')
  })

  test.each([
    [['--help'], 0, /^[^]*usage: adjoint-report RUNS\.\.\./],
    [['--nonsense'], 2, /^adjoint-report: .*nonsense[^]*\nadjoint-report --help lists the flags\./],
    [['nowhere'], 1, /^adjoint-report: .*nowhere/],
  ] as const)(
    'the command of report calls itself what it is called by who has the package: %j',
    async (args, ended, said) => {
      const { code, output } = await node(fresh({}), join(packed.get('report')!.folder, 'dist', 'bin.js'), ...args)
      expect({ code, output }).toEqual({ code: ended, output: expect.stringMatching(said) as string })
      expect(output).not.toContain('npm run')
    },
  )
})
