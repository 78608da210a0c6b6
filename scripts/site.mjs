// npm run site [-- --serve [PORT]]: builds the site into docs/dist: the pages (VitePress), /api (TypeDoc), and the programs of
// docs/site/apps where they are part of the checkout. --serve serves what is built, after building it where nothing is.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './build.mjs'
import { serve } from './serve.mjs'

const USAGE = `usage: npm run site [-- flags]

  --out DIR        where the site goes (default docs/dist)
  --serve [PORT]   serves it on 127.0.0.1 (default 4173; 0 is whichever port is free) with the headers that threads need;
                   builds it first where there is none
`

const wrong = (words) => {
  process.stderr.write(`${words}\n\n${USAGE}`)
  process.exit(2)
}

const flags = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        out: { type: 'string', default: join(root, 'docs', 'dist') },
        serve: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    return wrong(error.message)
  }
}

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

const build = (out) => {
  const apps = join(root, 'docs', 'site', 'apps', 'build.mjs')
  rmSync(out, { recursive: true, force: true })
  step('pages', [binary('vitepress', 'bin/vitepress.js'), 'build', 'docs/site', '--outDir', out])
  step('/api', [binary('typedoc', 'bin/typedoc'), '--options', 'docs/typedoc.json', '--out', join(out, 'api')])
  if (existsSync(apps)) step('/train, /play', [apps, out])
  process.stdout.write(`${join(out, 'index.html')}\n`)
}

const { values, positionals } = flags()
const [port = '4173', ...rest] = positionals
if (values.help) process.stdout.write(USAGE)
else if (rest.length > 0 || (positionals.length > 0 && !values.serve)) wrong(`not understood: ${positionals.join(' ')}`)
else if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) wrong(`--serve: ${port} is no port`)
else {
  if (!values.serve || !existsSync(join(values.out, 'index.html'))) build(values.out)
  if (values.serve) {
    const { url } = await serve(values.out, Number(port))
    process.stdout.write(`${url} (ctrl-c ends it)\n`)
  }
}
