// What scripts/browser/setup.ts tells the tests in a page: `inject('node')`.
import 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** What Node's wasm device computed, with one thread. */
    readonly node: {
      readonly steps: number
      readonly learnt: import('../scripts/browser/learning.ts').Learnt
      readonly programs: number
      readonly bits: string
    }
  }
}
