// The types that programs of the playground see: the packages' declarations, and all that those mention.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { build } from '../../../../scripts/build.mjs'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const dist = (name, file = 'index') => join(root, 'packages', name, 'dist', `${file}.d.ts`)

/** What a program may import, and where its declarations are. */
export const MODULES = {
  adjoint: dist('adjoint'),
  'adjoint/nn': dist('adjoint', 'nn'),
  'adjoint/rl': dist('adjoint', 'rl'),
  '@adjoint/tensor': dist('tensor'),
  '@adjoint/tensor/ir': dist('tensor', 'ir'),
  '@adjoint/tensor/primitives': dist('tensor', 'primitives/index'),
  '@adjoint/autograd': dist('autograd'),
  '@adjoint/nn': dist('nn'),
  '@adjoint/rl': dist('rl'),
  playground: fileURLToPath(new URL('program.d.ts', import.meta.url)),
}

/** A file's address in the editor: below node_modules, under its package's name. */
const addressOf = (path) => {
  const ours = /[/\\]packages[/\\](\w+)[/\\](.*)$/.exec(path)
  const theirs = /[/\\]node_modules[/\\](.*)$/.exec(path)
  const below =
    ours !== null
      ? `${ours[1] === 'adjoint' ? '' : '@adjoint/'}${ours[1]}/${ours[2]}`
      : theirs !== null
        ? theirs[1]
        : 'playground/index.d.ts'
  return `file:///node_modules/${below.replaceAll('\\', '/')}`
}

/** Files by address, and the addresses of modules by what a program calls them. */
export const declarations = () => {
  build('packages/adjoint/tsconfig.build.json')
  const program = ts.createProgram(Object.values(MODULES), {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.esnext.d.ts'],
    types: [],
    noEmit: true,
  })
  const files = program
    .getSourceFiles()
    .map(({ fileName }) => fileName)
    .filter((path) => !/[/\\]typescript[/\\]lib[/\\]/.test(path))
  return {
    files: Object.fromEntries(
      files.map((path) => [addressOf(path), readFileSync(path, 'utf8').replace(/^\/\/# sourceMappingURL.*$/m, '')]),
    ),
    modules: Object.fromEntries(Object.entries(MODULES).map(([name, path]) => [name, addressOf(path)])),
  }
}
