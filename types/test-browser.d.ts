// What scripts/browser/setup.ts tells the tests in a page: `inject('node')`.
import 'vitest'
import type { Learnt } from '../scripts/browser/learning.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** What Node's wasm device computed, with one thread. */
    readonly node: {
      readonly steps: number
      readonly learnt: Learnt
      readonly programs: number
      readonly bits: string
    }
  }
}
