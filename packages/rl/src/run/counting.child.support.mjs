// Test support: counts in the folder named on the command line, in a process that can be killed.
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
const { countForever } = await server.ssrLoadModule(new URL('./counting.support.ts', import.meta.url).pathname)
await countForever(process.argv[2])
await server.close()
