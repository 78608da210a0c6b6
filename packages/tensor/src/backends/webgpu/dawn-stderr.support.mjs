// Test support: writes to the standard error of its process, by what leaves Dawn's lines out, and then returns, throws or is killed;
// or, with `look`, looks for an adapter and prints its label.
import { writeSync } from 'node:fs'
import { createViteServer } from 'vitest/node'

const conditions = ['@adjoint/source', 'node', 'import', 'module', 'default']
const server = await createViteServer({
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
})
const load = (name) => server.ssrLoadModule(new URL(name, import.meta.url).pathname)
const [how, text] = process.argv.slice(2)

if (how === 'look') {
  const { probeWebgpu } = await load('./open.ts')
  process.stdout.write(`${(await probeWebgpu()).label}\n`, () => process.exit())
} else {
  const { hearing } = await load('./dawn-stderr.ts')
  const looking = await hearing()
  const given = looking(() => {
    writeSync(2, text)
    if (how === 'die') process.kill(process.pid, 'SIGKILL')
    if (how === 'throw') throw new Error('thrown inside')
    return 7
  })
  writeSync(1, `${given}\n`)
  await server.close()
}
