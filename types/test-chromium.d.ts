// What scripts/test-chromium.ts tells every test: `inject('chromium')`.
import 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of a Chromium, or null where this machine has none. */
    readonly chromium: string | null
  }
}
