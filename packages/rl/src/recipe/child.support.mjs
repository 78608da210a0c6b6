// Test support: performs the tiny recipe in the folder named on the command line, in a process that can be killed.
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
const { openDevice, performTiny } = await server.ssrLoadModule(new URL('./tiny.support.ts', import.meta.url).pathname)
await performTiny(await openDevice(), process.argv[2])
await server.close()
