import { describe, test } from 'vitest'
import { checkLaw, laws } from './laws.ts'

describe('laws of differentiation, on random programs', () => {
  test.each(laws.map((law) => [law.name, law] as const))('%s', (_, law) => {
    checkLaw(law)
  })
})
