/** Test support: TypeScript's compiler over programs that stand in no file, with the packages from their sources. */
import { join } from 'node:path'
import ts from 'typescript'
import { root } from './consumer.support.ts'

const { config } = ts.readConfigFile(join(root, 'tsconfig.check.json'), (path) => ts.sys.readFile(path)) as {
  readonly config: object
}
const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, root)

/** A compilation of programs by name. */
export const compiled = (
  texts: Readonly<Record<string, string>>,
): { readonly program: ts.Program; readonly file: (name: string) => ts.SourceFile } => {
  const path = (name: string): string => join(root, 'scripts', 'packages', `${name}.virtual.ts`)
  const given = new Map(Object.entries(texts).map(([name, text]) => [path(name), text]))
  // A newcomer has no rule against what is not used.
  const settings = { ...options, noUnusedLocals: false, noUnusedParameters: false }
  const host = ts.createCompilerHost(settings)
  const disk = ts.createCompilerHost(settings)
  host.getSourceFile = (name, language, ...rest) => {
    const text = given.get(name)
    return text === undefined ? disk.getSourceFile(name, language, ...rest) : ts.createSourceFile(name, text, language)
  }
  host.fileExists = (name) => given.has(name) || disk.fileExists(name)
  host.readFile = (name) => given.get(name) ?? disk.readFile(name)
  const program = ts.createProgram([...given.keys()], settings, host)
  return { program, file: (name) => program.getSourceFile(path(name))! }
}
