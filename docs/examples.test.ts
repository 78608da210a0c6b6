// Every example in the documentation compiles under the project's own compiler options, runs, and prints what its page says.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format } from 'node:util'
import ts from 'typescript'
import { setDefaultDevice, wasmDevice } from '@adjoint/tensor'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { snippets } from './extract.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'docs', '.examples')

const examples = snippets(root).map((snippet) => ({
  ...snippet,
  file: join(folder, `${snippet.site.replace(/[^A-Za-z0-9]+/g, '-')}.ts`),
}))

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
// `export {}` makes a module of an example that imports nothing.
for (const { file, code } of examples) writeFileSync(file, `${code}\nexport {}\n`)

const compile = (): ReadonlyMap<string, readonly string[]> => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), (path) => ts.sys.readFile(path)) as {
    readonly config: object
  }
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const program = ts.createProgram([...fileNames, ...examples.map(({ file }) => file)], {
    ...options,
    noEmit: true,
    customConditions: ['@adjoint/source'],
    // An example may name a value only to show its type.
    noUnusedLocals: false,
    noUnusedParameters: false,
  })
  return new Map(
    examples.map(({ file }) => {
      const source = program.getSourceFile(file)
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      const words = found.map(({ messageText, start }) => {
        const line = source === undefined ? 0 : source.getLineAndCharacterOfPosition(start ?? 0).line + 1
        return `line ${line} of the example: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
      })
      return [file, words]
    }),
  )
}

describe('examples of the documentation', () => {
  const wasm = wasmDevice({ threads: 1 })
  let errors: ReadonlyMap<string, readonly string[]> = new Map()
  beforeAll(() => {
    errors = compile()
  }, 120_000)

  for (const { site, file, prints } of examples) {
    test(site, { timeout: 180_000 }, async () => {
      expect(errors.get(file)).toEqual([])
      // An example before it may have set another; and what a page prints are digits, which every machine's wasm rounds alike.
      setDefaultDevice(wasm)
      const printed: string[] = []
      const log = vi.spyOn(console, 'log').mockImplementation((...args) => void printed.push(`${format(...args)}\n`))
      await import(/* @vite-ignore */ file)
      log.mockRestore()
      if (prints !== null) expect(printed.join('')).toBe(prints)
    })
  }

  test('there are some', () => {
    expect(examples.length).toBeGreaterThan(0)
  })
})
