// The tables that compare other libraries' names with ours: every name of ours is one that the packages export, used as it is meant.
import * as autograd from '@adjoint/autograd'
import * as nn from '@adjoint/nn'
import * as rl from '@adjoint/rl'
import * as tensor from '@adjoint/tensor'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'docs', 'site', 'coming')

/** The code of the second column, where the table's head calls it Adjoint. */
const ours = (text: string): readonly string[] =>
  text.split(/\n{2,}/).flatMap((table) => {
    const rows = table.split('\n').filter((line) => line.startsWith('|'))
    const cells = rows.map((row) => row.split('|')[2]?.trim() ?? '')
    if (cells[0] !== 'Adjoint') return []
    return cells.slice(2).flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code))
  })

const pages = readdirSync(folder)
  .filter((name) => name.endsWith('.md'))
  .sort()
  .map((name) => ({ name, codes: ours(readFileSync(join(folder, name), 'utf8')) }))

/** What a reader puts in: of no type of its own, so that it fits wherever a name of ours takes something. */
const PLACEHOLDERS =
  'a b backward body brief c config device f forward g i ids judge key params program rule t test u updates v verify x y'
/** These are of a type: what takes them infers theirs without an end from none. */
const TYPED = { init: 'Tensor', xs: 'Tensor', step: '(carry: Tensor, row: Tensor) => readonly [Tensor, Tensor]' }

/** Where each export is from; of a name that two packages have, the later one: `sum` of tensor, `presets` of rl. */
const origins: ReadonlyMap<string, string> = new Map(
  Object.entries({ nn, rl, autograd, tensor }).flatMap(([name, exported]) =>
    Object.keys(exported).map((each): [string, string] => [each, `@adjoint/${name}`]),
  ),
)

/** A program of one line for each piece of code, between what it needs: its imports, and what the reader puts in. */
const programOf = (codes: readonly string[]): { readonly text: string; readonly first: number } => {
  const placeholders = new Set([...PLACEHOLDERS.split(' '), ...Object.keys(TYPED)])
  const used = new Set(codes.flatMap((code) => code.match(/(?<![\w']|(?<!\.\.)\.)[A-Za-z_]\w*/g) ?? []))
  const head = [
    ...[...used].flatMap((name) => {
      const from = placeholders.has(name) ? undefined : origins.get(name)
      return from === undefined ? [] : [`import { ${name} } from '${from}'`]
    }),
    "import type { GrpoConfig } from '@adjoint/rl'",
    "import type { Tensor, Tree } from '@adjoint/tensor'",
    'type Grpo = GrpoConfig<unknown, Tree, Tree>',
    ...PLACEHOLDERS.split(' ').map((name) => `declare const ${name}: any`),
    ...Object.entries(TYPED).map(([name, type]) => `declare const ${name}: ${type}`),
  ]
  return { text: [...head, ...codes.map((code) => `void (${code})`)].join('\n'), first: head.length }
}

/** What the compiler says of each piece of code. */
const complaints = (codes: readonly string[]): ReadonlyMap<string, readonly string[]> => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), (path) => ts.sys.readFile(path)) as {
    readonly config: object
  }
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const file = join(root, 'docs', 'names-of-the-tables.ts')
  const { text, first } = programOf(codes)
  const host = ts.createCompilerHost(options)
  const program = ts.createProgram(
    [...fileNames, file],
    { ...options, noEmit: true, customConditions: ['@adjoint/source'], noUnusedLocals: false },
    {
      ...host,
      fileExists: (path) => path === file || host.fileExists(path),
      readFile: (path) => (path === file ? text : host.readFile(path)),
      getSourceFile: (path, version) =>
        path === file ? ts.createSourceFile(path, text, version, true) : host.getSourceFile(path, version),
    },
  )
  const source = program.getSourceFile(file)
  const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
  const said = found.map(({ messageText, start = 0 }) => ({
    line: source?.getLineAndCharacterOfPosition(start).line ?? 0,
    words: ts.flattenDiagnosticMessageText(messageText, '\n'),
  }))
  const outside = said.filter(({ line }) => line < first)
  return new Map(
    codes.map((code, i) => [
      code,
      [...outside, ...said.filter(({ line }) => line === first + i)].map(({ words }) => words),
    ]),
  )
}

const WRONG = ['noSuchFunction(x)', 'jit(f, { donates: [0] })', 'symmetric()']

describe('names in the tables', () => {
  let told: ReadonlyMap<string, readonly string[]> = new Map()
  beforeAll(() => {
    told = complaints([...new Set([...pages.flatMap(({ codes }) => codes), ...WRONG])])
  }, 120_000)

  test.each(pages)('$name', ({ codes }) => {
    expect(codes.length).toBeGreaterThan(20)
    const wrong = codes.map((code) => [code, told.get(code)] as const).filter(([, words]) => words?.length !== 0)
    expect(wrong).toEqual([])
  })

  test('a name that is not exported, an option that there is not and a missing argument are found', () => {
    for (const code of WRONG) expect(told.get(code), code).toHaveLength(1)
  })
})
