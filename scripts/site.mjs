// npm run site [-- flags]: builds the site into docs/dist: the pages (VitePress), /api (TypeDoc), and the programs of docs/site/apps
// where they are part of the checkout. --serve serves what is built, after building it where nothing is; --base is where it will stand.
// A folder given by --out is somebody's: what is in it goes only where that is a site that was built before.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { root } from './build.mjs'
import { count, help, readProcess, text, toggle, valued } from './command-line.mjs'
import { serve } from './serve.mjs'

/** A path as it stands in addresses: with a slash at both ends. */
const base = valued('PATH', 'where the site will stand on its server, as /adjoint/ (default /)', null, (given, name) =>
  /^(\/[\w.~-]+)*\/$/.test(given)
    ? { _tag: 'Right', right: given }
    : { _tag: 'Left', left: `--${name} ${given}: a path that begins and ends with / is needed, as /adjoint/` },
)

const { flags } = readProcess({
  name: 'site',
  call: 'npm run site --',
  about: 'Builds the site: the pages, the reference, and the programs that run in a browser.',
  flags: {
    out: text('DIR', 'where the site goes (default docs/dist)', 'a folder'),
    base,
    serve: toggle(
      'serves what is there on 127.0.0.1, with the headers that threads need; builds it first where there is nothing (in docs/dist also: nothing for this --base)',
    ),
    port: count('port of --serve; 0 is whichever is free', 4173, { max: 65535 }),
    help,
  },
})

/** Runs one program of the build to its end; ends this one with its words where it fails. */
const step = (words, args, env = {}) => {
  process.stdout.write(`${words}\n`)
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  if (status === 0) return
  process.stderr.write(`${stdout}${stderr}`)
  process.exit(1)
}

const binary = (name, path) => join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), path)

/** Ends this program before it has done anything. */
const refuse = (words) => {
  process.stderr.write(`site: ${words}\n`)
  process.exit(1)
}

const ours = join(root, 'docs', 'dist')
const out = flags.out === null ? ours : resolve(flags.out)
const page = join(out, 'index.html')

/** The base that the site in the folder was built for; null where there is none of ours. */
const builtFor = () => {
  if (!existsSync(page)) return null
  return /<link rel="icon"[^>]* href="([^"]*\/)mark\.svg"/.exec(readFileSync(page, 'utf8'))?.[1] ?? null
}

const there = builtFor()
const found = statSync(out, { throwIfNoEntry: false })
if (found !== undefined && !found.isDirectory()) refuse(`${out} is no folder: give another --out`)

/** Whether what is in the folder may go. */
const replaceable = out === ours || there !== null || found === undefined || readdirSync(out).length === 0

const build = (base) => {
  if (!replaceable)
    refuse(
      `${out} holds files that are no site of this project, and a build replaces them: give a folder that is empty`,
    )
  const apps = join(root, 'docs', 'site', 'apps', 'build.mjs')
  rmSync(out, { recursive: true, force: true })
  const env = { ADJOINT_SITE_BASE: base }
  step('pages', [binary('vitepress', 'bin/vitepress.js'), 'build', 'docs/site', '--outDir', out], env)
  step('/api', [binary('typedoc', 'bin/typedoc'), '--options', 'docs/typedoc.mjs', '--out', join(out, 'api')], env)
  if (existsSync(apps)) step('/train, /play', [apps, out])
  process.stdout.write(`${page}\n`)
}

const wanted = flags.base ?? (flags.serve ? (there ?? '/') : '/')
if (!flags.serve || (out === ours && there !== wanted) || !existsSync(page)) build(wanted)
else if (there === null)
  refuse(`${page} is no page of this project's site: give --out a folder that holds one, or none`)
else if (there !== wanted)
  refuse(
    `the site in ${out} was built for --base ${there}: leave --base out, or build it for ${wanted} first, without --serve`,
  )
if (flags.serve) {
  const { url } = await serve(out, flags.port, wanted)
  process.stdout.write(`${url} (ctrl-c ends it)\n`)
}
