// Runs TypeScript in a process of its own that can be killed: what is loaded is the source, as the tests have it.
import { createViteServer } from 'vitest/node'

const conditions = ['@adjoint/source', 'node', 'import', 'module', 'default']

/** A server to close at the end, and what a module exports, by its address. */
export const openSource = async () => {
  const server = await createViteServer({
    configFile: false,
    logLevel: 'error',
    appType: 'custom',
    server: { middlewareMode: true, hmr: false, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true },
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
  })
  return {
    load: (url) => server.ssrLoadModule(url.pathname),
    close: () => server.close(),
  }
}
