import { defineConfig } from 'vitest/config'
import { fromSource } from '../vitest.config.ts'

export default defineConfig({
  ...fromSource,
  test: {
    include: ['docs/*.test.ts'],
    globalSetup: ['scripts/test-chromium.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    silent: 'passed-only',
  },
})
