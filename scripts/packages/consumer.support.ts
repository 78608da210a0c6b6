/**
 * Test support: the packed packages in an empty project, as pnpm would install them. Each lies in a folder of its own, beside
 * nothing but what its package.json depends on, and a program sees nothing but what it asked for: what works here depends on
 * no package that happens to lie higher up. Packages of others are the repository's own copies, so that no registry is needed.
 */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** What stands in a package.json, as far as it matters here. */
export interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly imports?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly license?: string
  readonly keywords?: readonly string[]
  readonly publishConfig?: unknown
}

interface Packing {
  readonly PUBLIC: readonly string[]
  readonly pack: (folder: string) => Readonly<Record<string, string>>
}
// A script without types, which the release uses too.
const packing = (await import(new URL('../pack.mjs', import.meta.url).href)) as Packing

/** The folders of the public packages, by the names of their folders here. */
export const publicPackages = packing.PUBLIC

/** A packed package: its tarball, and the folder that it was unpacked to. */
export interface Packed {
  readonly tarball: string
  readonly folder: string
  readonly manifest: Manifest
}

export const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

const link = (target: string, at: string): void => {
  mkdirSync(dirname(at), { recursive: true })
  symlinkSync(target, at, 'junction')
}

/** The repository's copy of what a package depends on; null where it is optional and not installed. */
const installed = (name: string, from: string): string | null => {
  const { paths } = createRequire(join(from, 'package.json')).resolve as unknown as {
    readonly paths: (name: string) => readonly string[] | null
  }
  return (
    (paths(name) ?? [])
      .map((folder) => join(folder, name))
      .find((folder) => existsSync(join(folder, 'package.json'))) ?? null
  )
}

/** Packs all public packages into `base`, and unpacks each beside what it declares. */
export const packAll = (base: string): ReadonlyMap<string, Packed> => {
  const tarballs = join(base, 'tarballs')
  mkdirSync(tarballs, { recursive: true })
  const files = packing.pack(tarballs)
  const packed = new Map<string, Packed>()
  for (const name of publicPackages) {
    const source = join(root, 'packages', name)
    const folder = join(base, 'store', name, 'node_modules', manifestIn(source).name)
    mkdirSync(folder, { recursive: true })
    const unpacked = spawnSync('tar', ['xzf', files[name]!, '-C', folder, '--strip-components=1'])
    if (unpacked.status !== 0) throw new Error(`tar xzf ${files[name]!}: ${unpacked.stderr.toString()}`)
    packed.set(name, { tarball: files[name]!, folder, manifest: manifestIn(folder) })
  }
  const ours = new Map([...packed.values()].map(({ manifest, folder }) => [manifest.name, folder]))
  for (const [name, { manifest }] of packed)
    for (const wanted of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      const target = ours.get(wanted) ?? installed(wanted, join(root, 'packages', name))
      if (target !== null) link(target, join(base, 'store', name, 'node_modules', wanted))
    }
  return packed
}

/** A project that depends on the packages, and on nothing else: files by name. */
export const project = (
  at: string,
  packages: Iterable<Packed>,
  files: Readonly<Record<string, string>>,
  settings: object = { type: 'module' },
): string => {
  for (const { manifest, folder } of packages) link(folder, join(at, 'node_modules', manifest.name))
  for (const [name, text] of Object.entries({
    'package.json': JSON.stringify({ private: true, ...settings }),
    ...files,
  })) {
    mkdirSync(dirname(join(at, name)), { recursive: true })
    writeFileSync(join(at, name), text)
  }
  return at
}

/** What a command ended with. */
export interface Ended {
  readonly code: number
  readonly output: string
}

/** Runs Node in a folder, without anything of this process's settings of Adjoint. */
export const node = (cwd: string, ...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(ADJOINT|NODE_OPTIONS|VITEST)/.test(name)),
    )
    execFile(process.execPath, args, { cwd, env, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, output: `${stdout}${stderr}` })
    })
  })
