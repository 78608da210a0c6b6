/** Test support: the files of types in a packed package, and which of them a public entry reaches. */
import { readdirSync, readFileSync, existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import ts from 'typescript'
import type { Manifest } from './consumer.support.ts'

/** A global of WebGPU's types: `GPUDevice`, `GPUBufferUsage`. */
export const GPU_GLOBAL = /\bGPU[A-Z]\w*/

export const typesIn = (folder: string): readonly string[] =>
  readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.d.ts'))
    .map((file) => join(folder, 'dist', file))

/** The text as the compiler reads it: a comment may speak of what it likes. */
export const withoutComments = (text: string): string => {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, text)
  const tokens: string[] = []
  while (scanner.scan() !== ts.SyntaxKind.EndOfFileToken) tokens.push(scanner.getTokenText())
  return tokens.join(' ')
}

/** Every target that stands under conditions. */
const targets = (entry: unknown): readonly string[] =>
  typeof entry === 'string'
    ? [entry]
    : typeof entry === 'object' && entry !== null
      ? Object.values(entry).flatMap(targets)
      : []

const declared = (file: string): string => file.replace(/(?<!\.d)\.[jt]s$/, '.d.ts')

/** The files of types that the entries of an unpacked package import, and what these import, whether they are there or not. */
export const reachedTypes = (folder: string, { exports, imports = {} }: Manifest): ReadonlySet<string> => {
  const built = (entry: unknown): readonly string[] =>
    targets(entry)
      .filter((file) => file.startsWith('./dist/'))
      .map((file) => declared(join(folder, file)))
  const reached = new Set(Object.values(exports).flatMap(built))
  for (const file of reached) {
    if (!existsSync(file)) continue
    const text = withoutComments(readFileSync(file, 'utf8'))
    // `from './x.ts'`, `import './x.ts'` and `import('./x.ts')`: what stands so in a file of types names a module.
    for (const [, fileName = ''] of text.matchAll(/\b(?:from|import) (?:\( )?['"]([^'"]+)['"]/g)) {
      if (fileName.startsWith('.')) reached.add(declared(resolve(dirname(file), fileName)))
      if (fileName.startsWith('#')) for (const target of built(imports[fileName])) reached.add(target)
    }
  }
  return reached
}
