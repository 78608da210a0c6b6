import { sum } from '@adjoint/tensor'
import { expect, it } from 'vitest'
import { checkGrads } from './index.ts'

it('checkGrads says which options it has, where one is not among them', () => {
  expect(() => checkGrads(sum(), { tolerance: 1 } as never)).toThrow("checkGrads: it has no option 'tolerance'")
})
