// The files of types in a built package that no public entry reaches: nobody can import them, so they are not packed.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import ts from 'typescript'

/** Every target that stands under conditions. */
const targets = (entry) =>
  typeof entry === 'string'
    ? [entry]
    : typeof entry === 'object' && entry !== null
      ? Object.values(entry).flatMap(targets)
      : []

const declared = (file) => file.replace(/(?<!\.d)\.[jt]s$/, '.d.ts')

/** The modules that a file of types names: in imports, in exports (`export * as random from` too), and in types, `import('./x.ts').X`. */
const named = (file) => {
  const found = []
  const visit = (node) => {
    const specifier = ts.isImportTypeNode(node) ? node.argument.literal : node.moduleSpecifier
    if (specifier !== undefined && ts.isStringLiteral(specifier)) found.push(specifier.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest))
  return found
}

/** By the manifest of the package in `folder`: paths within its `dist`, with `/`, each followed by its map. */
export const unreachedDeclarations = (folder, { exports, imports = {} }) => {
  const built = (entry) =>
    targets(entry)
      .filter((file) => file.startsWith('./dist/'))
      .map((file) => declared(join(folder, file)))
  const reached = new Set(Object.values(exports).flatMap(built))
  // A set that grows is walked to its new end.
  for (const file of reached) {
    if (!existsSync(file)) continue
    for (const module of named(file)) {
      if (module.startsWith('.')) reached.add(declared(resolve(dirname(file), module)))
      if (module.startsWith('#')) for (const target of built(imports[module])) reached.add(target)
    }
  }
  return readdirSync(join(folder, 'dist'), { recursive: true })
    .filter((file) => file.endsWith('.d.ts') && !reached.has(join(folder, 'dist', file)))
    .flatMap((file) => [file, `${file}.map`])
    .map((file) => file.replaceAll('\\', '/'))
}
