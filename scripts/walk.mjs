// node scripts/walk.mjs: the way of a newcomer, and how long each step of it takes: a clone of what is committed, its first curve of GRPO, an
// empty folder with what npm packs installed there, the programs of the site's pages as they stand, and pages in Chromium. What start.md
// and the lessons show is read from there; the clone, npm start and npm run site are written here. Times hold for the machine that it runs on.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { chromium } from 'playwright'
import { root } from './build.mjs'
import { help, readProcess, text } from './command-line.mjs'
import { serve } from './serve.mjs'

const { flags } = readProcess({
  name: 'walk',
  call: 'node scripts/walk.mjs',
  about: "Walks a newcomer's way in an empty folder, and prints how long each step took.",
  flags: { chromium: text('FILE', 'the browser (default /usr/bin/chromium)', 'a file'), help },
})

const folder = mkdtempSync(join(tmpdir(), 'adjoint-walk-'))
// The name that the page gives it.
const clone = join(folder, 'adjoint')
const project = join(folder, 'project')
mkdirSync(project)

/** What is to be ended with this process, however that ends: servers, each the head of a group. */
const servers = []
process.on('exit', () => {
  for (const { pid } of servers) {
    try {
      process.kill(-pid)
    } catch {
      // It has ended by itself.
    }
  }
  rmSync(folder, { recursive: true, force: true })
})
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))

/** Runs a line of a shell; what it printed. */
const run = (cwd, line) => {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', line], { cwd, encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status !== 0) throw new Error(`${line}\n${stdout}${stderr}`)
  return stdout.trimEnd()
}
const lastOf = (said) => said.split('\n').at(-1)

let commands = 0
const timed = async (what, step) => {
  const began = performance.now()
  const said = await step()
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`${what.padEnd(44)}${seconds.padStart(6)} s  ${said}\n`)
}
const command = (cwd, line, says = lastOf) =>
  timed(line.replaceAll(/\s+/g, ' ').slice(0, 43), () => {
    commands++
    return says(run(cwd, line)).slice(0, 60)
  })

const blocksOf = (page, language) =>
  readFileSync(join(root, page), 'utf8')
    .split(new RegExp(`^\`\`\`${language}\n`, 'm'))
    .slice(1)
    .map((rest) => rest.split(/^```$/m)[0])
/** The commands of a block, one by one. */
const linesOf = (block) =>
  block
    .replaceAll('\\\n', '')
    .split(/\n| && /)
    .map((line) => line.replace(/\s#.*/, '').trim())
    .filter((line) => line !== '')

const [inClone, inProject, runFirst] = blocksOf('docs/site/start.md', 'bash').map(linesOf)
const runner = runFirst.at(-1)
/** A block of a page, the first unless said otherwise, as a program of the project; what it prints last. */
const program = (what, page, name, at = 0) => {
  const source = page.endsWith('.ts') ? readFileSync(join(root, page), 'utf8') : blocksOf(page, 'ts')[at]
  writeFileSync(join(project, name), source)
  return timed(what, () => {
    commands++
    return lastOf(run(project, runner.replace('first.ts', name)))
  })
}
const bytes = (path) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)

const inBrowser = async (work) => {
  const browser = await chromium.launch({
    executablePath: flags.chromium ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--no-first-run'],
  })
  try {
    return await work(await browser.newPage())
  } finally {
    await browser.close()
  }
}

/** The first gradient, bundled into a page of one's own. */
const page = async () => {
  const code = blocksOf('docs/site/start.md', 'ts')[0]
  writeFileSync(join(project, 'page.ts'), code.replace('console.log(', 'document.body.append('))
  writeFileSync(
    join(project, 'index.html'),
    '<!doctype html><title>walk</title><script type="module" src="out.js"></script>',
  )
  const bundle = { bundle: true, minify: true, format: 'esm' }
  await build({ absWorkingDir: project, entryPoints: ['page.ts'], outfile: 'out.js', ...bundle })
  const server = await serve(project, 0)
  try {
    return await inBrowser(async (tab) => {
      await tab.goto(server.url)
      await tab.waitForFunction('document.body.textContent.trim() !== ""')
      return (await tab.textContent('body')).trim()
    })
  } finally {
    await server.close()
  }
}

/** The site's own page that trains: from the command that serves it to the first step of GRPO. */
const site = async () => {
  commands++
  // A group of its own: npm stands between.
  const server = spawn('npm', ['run', '-s', 'site', '--', '--serve', '--port', '0'], { cwd: clone, detached: true })
  servers.push(server)
  const closed = once(server, 'close')
  // Read as it comes: a pipe that is full stops who writes. A failure tells the end of it.
  let complaints = ''
  server.stderr.setEncoding('utf8').on('data', (said) => (complaints = (complaints + said).slice(-4000)))
  let url
  await timed('npm run site -- --serve', async () => {
    for await (const line of createInterface({ input: server.stdout })) {
      url = /^(http:\S+) /.exec(line)?.[1]
      if (url !== undefined) return line
    }
    await closed
    throw new Error(`the site was not served\n${complaints.trimEnd().split('\n').slice(-20).join('\n')}`)
  })
  await inBrowser(async (tab) => {
    const status = (words) =>
      tab.waitForFunction(`${words}.test(document.querySelector('#status').textContent)`, null, { timeout: 600_000 })
    await timed('/train/ is ready', async () => {
      await tab.goto(`${url}train/`)
      await status('/^Ready/')
      return tab.textContent('#status')
    })
    await timed('/train/, Start to the first step of GRPO', async () => {
      await tab.click('#go')
      await status('/^GRPO: step/')
      return tab.textContent('#status')
    })
  })
}

await timed('git clone', () => {
  commands++
  run(folder, `git clone --quiet ${JSON.stringify(root)} adjoint`)
  return lastOf(run(clone, 'git log --oneline -1')).slice(0, 60)
})
for (const line of inClone) await command(clone, line)
for (const line of inProject) await command(project, line)
process.stdout.write(`${Math.round(bytes(join(project, 'node_modules')) / 2 ** 20)} MB are installed\n`)
for (const line of runFirst.slice(0, -1)) await command(project, line)
await program('first gradient', 'docs/site/start.md', 'first.ts')
await program('a network is trained', 'docs/site/start.md', 'network.ts', 1)
await program('GRPO on a bandit', 'examples/hello-grpo/main.ts', 'bandit.ts')
await program('own task, learnt by GRPO', 'docs/site/learn/grpo-task.md', 'task.ts')
await program('own reward', 'docs/site/learn/reward.md', 'reward.ts')
await timed('first gradient, on a page in Chromium', page)
// What the README begins with: its `npm ci` is done.
await command(clone, 'npm start')
await site()
process.stdout.write(`${commands} commands\n`)
process.exit()
