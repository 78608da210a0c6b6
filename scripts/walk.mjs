// node scripts/walk.mjs: the way of a newcomer, and how long each step of it takes: an empty folder, what npm packs installed there, the
// programs of the site's pages as they stand, and a page in Chromium. Times hold for the machine that it runs on.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { build, transform } from 'esbuild'
import { chromium } from 'playwright'
import { root } from './build.mjs'
import { help, readProcess, text } from './command-line.mjs'
import { pack } from './pack.mjs'
import { serve } from './serve.mjs'

const { flags } = readProcess({
  name: 'walk',
  call: 'node scripts/walk.mjs',
  about: "Walks a newcomer's way in an empty folder, and prints how long each step took.",
  flags: { chromium: text('FILE', 'the browser (default /usr/bin/chromium)', 'a file'), help },
})

const folder = mkdtempSync(join(tmpdir(), 'adjoint-walk-'))
const project = join(folder, 'project')
mkdirSync(project)

const run = (command, ...args) => {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: project, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout.trimEnd()
}
const timed = async (what, step) => {
  const began = performance.now()
  const said = await step()
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`${what.padEnd(44)}${seconds.padStart(6)} s  ${said}\n`)
}
/** A block of a page, the first unless said otherwise, as a program of this project; what it prints last. */
const program =
  (page, name, at = 0) =>
  async () => {
    const source = readFileSync(join(root, page), 'utf8')
    const code = page.endsWith('.ts') ? source : source.split(/^```ts\n/m)[at + 1].split(/^```$/m)[0]
    const { code: plain } = await transform(code, { loader: 'ts' })
    writeFileSync(join(project, name), plain)
    return run(process.execPath, name).split('\n').at(-1)
  }
const bytes = (path) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)

const page = async () => {
  const { code } = await transform(
    readFileSync(join(root, 'docs/site/start.md'), 'utf8')
      .split(/^```ts\n/m)[1]
      .split(/^```$/m)[0],
    { loader: 'ts' },
  )
  writeFileSync(join(project, 'page.js'), code.replace('console.log(', 'document.body.append('))
  writeFileSync(
    join(project, 'index.html'),
    '<!doctype html><title>walk</title><script type="module" src="out.js"></script>',
  )
  await build({
    absWorkingDir: project,
    entryPoints: ['page.js'],
    outfile: 'out.js',
    bundle: true,
    minify: true,
    format: 'esm',
  })
  const server = await serve(project, 0)
  const browser = await chromium.launch({
    executablePath: flags.chromium ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--no-first-run'],
  })
  try {
    const tab = await browser.newPage()
    await tab.goto(server.url)
    await tab.waitForFunction('document.body.textContent.trim() !== ""')
    return (await tab.textContent('body')).trim()
  } finally {
    await browser.close()
    await server.close()
  }
}

try {
  await timed('build and pack, in the clone', () => {
    const packed = Object.values(pack(folder))
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }\n')
    return `${packed.length} packages`
  })
  await timed('npm install', () => {
    const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
    run('npm', 'install', '--no-audit', '--no-fund', ...tarballs.map((name) => join(folder, name)))
    return `${Math.round(bytes(join(project, 'node_modules')) / 2 ** 20)} MB`
  })
  await timed('first gradient', program('docs/site/start.md', 'first.js'))
  await timed('a network is trained', program('docs/site/start.md', 'network.js', 1))
  await timed('GRPO on a bandit', program('examples/hello-grpo/main.ts', 'bandit.js'))
  await timed('own task, learnt by GRPO', program('docs/site/learn/grpo-task.md', 'task.js'))
  await timed('own reward', program('docs/site/learn/reward.md', 'reward.js'))
  await timed('first gradient, on a page in Chromium', page)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
