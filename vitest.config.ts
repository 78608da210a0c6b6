import { defineConfig } from 'vitest/config'

// Tests run from source: the packages' `@adjoint/source` export condition names src/index.ts, so no build is needed.
const conditions = ['@adjoint/source', 'node', 'import', 'module', 'default']

export const fromSource = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
}

export default defineConfig({
  ...fromSource,
  test: {
    include: ['{packages,examples,bench,scripts,docs/site}/**/*.test.ts'],
    // Those of scripts/browser run in a page: vitest.browser.config.ts.
    exclude: ['**/node_modules/**', '**/dist/**', 'scripts/browser/**'],
    globalSetup: ['scripts/test-devices.ts', 'scripts/test-chromium.ts'],
    // One process per test file: Dawn belongs to a process, and ends with it.
    pool: 'forks',
    // Every stage of scheduling is checked (compile/verify.ts). Tests name their devices. Test files run side by side, one to a processor:
    // threads of their own would only wait for one another, so tests ask for those where they are about them.
    env: { ADJOINT_VERIFY: '1', ADJOINT_DEVICE: '', ADJOINT_THREADS: '1' },
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
