import { fileURLToPath } from 'node:url'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { findChromium } from './scripts/test-chromium.ts'

// Laws in a page: from source as the others (what runs before them, in Node, is from `npm run build`), but with what stands in for Node in a browser's bundle.
const conditions = ['@adjoint/source', 'browser', 'import', 'module', 'default']
const executablePath = findChromium()

export default defineConfig({
  // What is verified in the tests of Node is verified here too; a browser's bundle has nothing of it.
  resolve: {
    conditions,
    alias: { '#verify': fileURLToPath(new URL('packages/tensor/src/compile/verify.ts', import.meta.url)) },
  },
  // A page that is isolated from others has memory that threads can share.
  server: { headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' } },
  optimizeDeps: { include: ['fast-check', 'fp-ts/lib/Either.js', 'fp-ts/lib/TaskEither.js', 'fp-ts/lib/function.js'] },
  test: {
    // What each shows in a browser, and what is left out, is said in scripts/browser/README.md.
    include:
      executablePath === null
        ? []
        : [
            'scripts/browser/*.test.ts',
            'packages/testing/src/laws.test.ts',
            'packages/tensor/src/run/devices.test.ts',
            'packages/autograd/src/devices.test.ts',
          ],
    passWithNoTests: executablePath === null,
    globalSetup: ['scripts/test-chromium.ts', 'scripts/browser/setup.ts'],
    env: { ADJOINT_VERIFY: '1' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          ...(executablePath === null ? {} : { executablePath }),
          // SwiftShader, which comes with Chromium, is its adapter where there is no GPU.
          args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--enable-unsafe-webgpu'],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
})
