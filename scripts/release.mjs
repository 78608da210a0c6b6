// npm run release -- [--dry-run]: packs every public package from a clean build, and publishes it with its provenance. A dry run
// does all but the publishing, and prints what each tarball holds. Where they come from (`repository`, `homepage`) is the origin of
// this clone, written into the manifests for as long as it takes.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './build.mjs'
import { help, readProcess, toggle } from './command-line.mjs'
import { buildPublic, manifestOf, packed, PUBLIC } from './pack.mjs'

const run = (command, ...args) => spawnSync(command, args, { cwd: root, encoding: 'utf8' })
const said = (...args) => run(...args).stdout.trim()

/** What keeps this checkout from being published. */
const obstacles = ({ dry, origin }) => {
  const versions = new Set(PUBLIC.map((name) => manifestOf(name).version))
  const [version] = versions
  const found = []
  if (versions.size > 1) found.push(`versions differ: ${[...versions].join(', ')}`)
  for (const name of PUBLIC)
    for (const [of, wanted] of Object.entries(manifestOf(name).dependencies ?? {}))
      if (/^(@adjoint\/|adjoint$)/.test(of) && wanted !== version)
        found.push(`${name} wants ${of} ${wanted}, not ${version}`)
  if (!readFileSync(join(root, 'CHANGELOG.md'), 'utf8').includes(`## ${version}`))
    found.push(`CHANGELOG.md has no section '## ${version}'`)
  if (dry) return found
  if (said('git', 'status', '--porcelain') !== '') found.push('files are changed: commit them')
  if (origin === '') found.push('this clone has no origin, which provenance needs')
  return found
}

const stated = (name) => join(root, 'packages', name, 'package.json')

/** Runs `use` while the manifests say where the packages come from. */
const withOrigin = (origin, use) => {
  if (origin === '') return use()
  const before = new Map(PUBLIC.map((name) => [name, readFileSync(stated(name), 'utf8')]))
  // Who may push there, and by which token, is nobody's business.
  const url = origin
    .replace(/^git@([^:]+):/, 'https://$1/')
    .replace(/^(https?:\/\/)[^/@]*@/, '$1')
    .replace(/\.git$/, '')
  try {
    for (const [name, text] of before) {
      const repository = { type: 'git', url: `git+${url}.git`, directory: `packages/${name}` }
      const said = {
        ...JSON.parse(text),
        repository,
        homepage: `${url}/tree/HEAD/packages/${name}`,
        bugs: `${url}/issues`,
      }
      writeFileSync(stated(name), `${JSON.stringify(said, null, 2)}\n`)
    }
    return use()
  } finally {
    for (const [name, text] of before) writeFileSync(stated(name), text)
  }
}

const kilobytes = (bytes) => `${Math.ceil(bytes / 1024)} KB`

/** Where a tarball says that it comes from: what is published is it, not the manifest that lies here. */
const originIn = (tarball) => {
  const { status, stdout, stderr } = run('tar', '-xzOf', tarball, 'package/package.json')
  if (status !== 0) throw new Error(`tar -xzOf ${tarball}: ${stderr}`)
  const { repository, homepage } = JSON.parse(stdout)
  return repository === undefined
    ? []
    : [`  repository: ${repository.url}, ${repository.directory}`, `  homepage: ${homepage}`]
}

/** A tarball in a line, and under it each entry of its first level, with its files and bytes, and where it comes from. */
const described = ({ tarball, files, size, unpackedSize }) => {
  const parts = new Map()
  for (const { path, size: bytes } of files) {
    const top = path.split('/')[0]
    const [count, sum] = parts.get(top) ?? [0, 0]
    parts.set(top, [count + 1, sum + bytes])
  }
  const lines = [...parts].map(
    ([top, [count, sum]]) => `  ${top}: ${count === 1 ? '' : `${count} files, `}${kilobytes(sum)}`,
  )
  return [
    `${files.length} files, ${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked`,
    ...lines,
    ...originIn(tarball),
  ].join('\n')
}

const { dryRun: dry } = readProcess({
  name: 'release',
  call: 'npm run release --',
  about: 'Packs every public package from a clean build, and publishes it with its provenance.',
  flags: { dryRun: toggle('all but the publishing; prints what each tarball holds'), help },
}).flags
const origin = said('git', 'remote', 'get-url', 'origin')
const found = obstacles({ dry, origin })
for (const each of found) process.stderr.write(`release: ${each}\n`)
if (found.length > 0) process.exit(1)

// An interrupt ends npm and the compiler at once, and this process when `finally` has put back what it changed.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1))

// What a source left behind that is gone must not be published.
for (const name of PUBLIC) rmSync(join(root, 'packages', name, 'dist'), { recursive: true, force: true })
process.stderr.write('release: builds all packages anew, which takes a minute or two\n')
buildPublic()

const folder = mkdtempSync(join(tmpdir(), 'adjoint-release-'))
try {
  const packages = withOrigin(origin, () => packed(folder))
  for (const name of PUBLIC) {
    const { status, stdout, stderr } = run(
      'npm',
      'publish',
      packages[name].tarball,
      ...(dry ? ['--dry-run', '--provenance=false'] : []),
    )
    const of = `${manifestOf(name).name} ${manifestOf(name).version}`
    if (status === 0)
      process.stdout.write(`${dry ? 'would publish' : 'published'} ${of}: ${described(packages[name])}\n`)
    else {
      process.stderr.write(`release: ${of} was refused\n`)
      process.stderr.write(`${stdout}${stderr}`)
      process.exitCode = 1
      break // those that need it come after it
    }
  }
  if (origin === '') process.stdout.write('no origin: the packages name no repository yet\n')
} finally {
  rmSync(folder, { recursive: true })
}
