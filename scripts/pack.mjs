// Packs every public package, as npm would publish it: `pack(folder)` builds them and gives the tarballs' names.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, root } from './build.mjs'

/** The public packages, each after those that it needs. */
export const PUBLIC = ['tensor', 'autograd', 'nn', 'rl', 'report', 'adjoint']

export const manifestOf = (name) => JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))

/** npm with these arguments, in the repository. Throws what it said where it fails. */
const npm = (...args) => {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout
}

/** Tarballs in `folder`, by the package's folder name. */
export const pack = (folder) => {
  for (const name of PUBLIC) build(`packages/${name}/tsconfig.build.json`)
  const packed = npm('pack', '--json', '--pack-destination', folder, ...PUBLIC.flatMap((n) => ['-w', `packages/${n}`]))
  // What a script of a package prints comes before the list.
  const files = JSON.parse(packed.slice(packed.search(/^[[{]/m)))
  const list = Array.isArray(files) ? files : Object.values(files)
  return Object.fromEntries(
    PUBLIC.map((name) => [name, join(folder, list.find((each) => each.name === manifestOf(name).name).filename)]),
  )
}
