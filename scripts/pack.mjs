// Packs every public package, as npm would publish it.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, root } from './build.mjs'
import { unreachedDeclarations } from './declarations.mjs'

/** The public packages, each after those that it needs. */
export const PUBLIC = ['tensor', 'autograd', 'nn', 'rl', 'report', 'adjoint']

export const manifestOf = (name) => JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))

/** npm with these arguments, in the repository. Throws what it said where it fails. */
const npm = (...args) => {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout
}

/** Brings the public packages up to date; ends this process where they do not compile. */
export const buildPublic = () => {
  for (const name of PUBLIC) build(`packages/${name}/tsconfig.build.json`)
}

/** Runs `use` while npm leaves out of each package the types that nobody can import. */
const withoutUnreached = (use) => {
  const lists = PUBLIC.map((name) => {
    const folder = join(root, 'packages', name)
    return { at: join(folder, 'dist', '.npmignore'), files: unreachedDeclarations(folder, manifestOf(name)) }
  })
  try {
    for (const { at, files } of lists) writeFileSync(at, files.map((file) => `/${file}\n`).join(''))
    return use()
  } finally {
    for (const { at } of lists) rmSync(at, { force: true })
  }
}

/** Packs what is built into `folder`; by the package's folder name, the tarball's path and what npm says of it: its files, and their bytes packed and unpacked. */
export const packed = (folder) => {
  const workspaces = PUBLIC.flatMap((n) => ['-w', `packages/${n}`])
  const said = withoutUnreached(() => npm('pack', '--json', '--pack-destination', folder, ...workspaces))
  // What a script of a package prints comes before the list.
  const found = JSON.parse(said.slice(said.search(/^[[{]/m)))
  const list = Array.isArray(found) ? found : Object.values(found)
  return Object.fromEntries(
    PUBLIC.map((name) => {
      const { filename, files, size, unpackedSize } = list.find((each) => each.name === manifestOf(name).name)
      return [name, { tarball: join(folder, filename), files, size, unpackedSize }]
    }),
  )
}

/** Builds and packs into `folder`: the tarballs, by the package's folder name. */
export const pack = (folder) => {
  buildPublic()
  return Object.fromEntries(Object.entries(packed(folder)).map(([name, { tarball }]) => [name, tarball]))
}
