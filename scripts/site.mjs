// npm run site [-- flags]: builds the site into docs/dist: the pages (VitePress), /api (TypeDoc), and the programs of docs/site/apps
// where they are part of the checkout. --serve serves what is built, after building it where nothing is; --base is where it will stand.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
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
      'serves what is there on 127.0.0.1, with the headers that threads need; builds it first where there is nothing, or none for this --base',
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

/** The base that a built site was built for; null where there is no site. */
const builtFor = (out) => {
  const page = join(out, 'index.html')
  if (!existsSync(page)) return null
  return /<link rel="icon"[^>]* href="([^"]*\/)mark\.svg"/.exec(readFileSync(page, 'utf8'))?.[1] ?? null
}

const build = (out, base) => {
  const apps = join(root, 'docs', 'site', 'apps', 'build.mjs')
  rmSync(out, { recursive: true, force: true })
  const env = { ADJOINT_SITE_BASE: base }
  step('pages', [binary('vitepress', 'bin/vitepress.js'), 'build', 'docs/site', '--outDir', out], env)
  step('/api', [binary('typedoc', 'bin/typedoc'), '--options', 'docs/typedoc.mjs', '--out', join(out, 'api')], env)
  if (existsSync(apps)) step('/train, /play', [apps, out])
  process.stdout.write(`${join(out, 'index.html')}\n`)
}

const out = flags.out ?? join(root, 'docs', 'dist')
const there = builtFor(out)
const wanted = flags.base ?? (flags.serve ? (there ?? '/') : '/')
if (!flags.serve || there !== wanted) build(out, wanted)
if (flags.serve) {
  const { url } = await serve(out, flags.port, wanted)
  process.stdout.write(`${url} (ctrl-c ends it)\n`)
}
