import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { DType } from '../../base/dtype.ts'
import * as I from '../../loops/ix.ts'
import type { DotKernel } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import { type Choice, kernelOf } from '../linear/dot-kernels.support.ts'
import { differences, openWebgpu, type Values } from './kernel-trial.support.ts'
import { emulated, type Emulator, interpreted, openEmulator } from './matrix-trial.support.ts'
import { hardwareTuning, type Matrices, printDot } from './printer/index.ts'
import type { MatrixCut } from './printer/fragments.ts'
import { matricesFor, printMatrices } from './printer/matrix.ts'

/** How an operand's elements come: as they are stored, with a border of zeros, rounded to f16 from what is computed, one in three chosen from elsewhere. */
type Form = 'load' | 'padded' | 'rounded'
interface Case {
  readonly choice: Choice
  readonly forms: readonly [Form, Form]
  readonly result: DType
  readonly shape: readonly [number, number, number]
  readonly cut: MatrixCut | null
}

/** The kernel of a choice, of f16, whose result is stored as f16 or f32. */
const halfKernel = ({ choice, forms, result }: Case): DotKernel => {
  const kernel = kernelOf({ ...choice, prologues: [false, false], stored: ['f16', 'f16'] })
  const formed = (s: S.Scalar, form: Form): S.Scalar => {
    if (form === 'padded') return S.select(S.within(I.ofAxis(kernel.k), 1, 11), s, S.constant('f32', 0))
    return form === 'rounded' ? S.unary('f16', S.binary('mul', s, S.constant('f32', 0.5))) : s
  }
  return {
    ...kernel,
    buffers: kernel.buffers.map((b, i) => (i === 4 ? { ...b, dtype: result } : b)),
    a: formed(kernel.a, forms[0]),
    b: formed(kernel.b, forms[1]),
    stores: kernel.stores.map((s) =>
      s.buffer === 4 && result !== 'f32' ? { ...s, value: S.unary(result as 'f16', s.value) } : s,
    ),
  }
}

/** Eighths, whose products f32 adds up exactly. */
const eighths = (kernel: DotKernel): Values =>
  kernel.buffers
    .filter((b) => b.read)
    .map(({ size }, b) => Array.from({ length: size }, (_, i) => ((((i + b) * 7919) % 61) - 30) / 8))

const matrices = ([m, n, k]: readonly number[], subgroup: number, memory: number): Matrices => ({
  ...{ m: m!, n: n!, k: k!, subgroup, memory },
})

const shape = fc.constantFrom([16, 16, 16] as const, [16, 8, 8] as const, [8, 16, 8] as const, [8, 8, 16] as const)
const sizes = fc.oneof(
  fc.integer({ min: 16, max: 50 }),
  fc.constantFrom(16, 32, 64),
)
const anyCase: fc.Arbitrary<Case> = fc.record({
  choice: fc.record({
    batch: fc.integer({ min: 1, max: 3 }),
    m: sizes,
    n: sizes,
    k: fc.oneof({ weight: 5, arbitrary: sizes }, { weight: 1, arbitrary: fc.constantFrom(514, 600) }),
    orders: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    prologues: fc.constant([false, false] as const),
    epilogue: fc.boolean(),
    shared: fc.boolean(),
  }),
  forms: fc.tuple(
    fc.constantFrom<Form>('load', 'load', 'load', 'padded', 'rounded'),
    fc.constantFrom<Form>('load', 'load', 'load', 'padded', 'rounded'),
  ),
  result: fc.constantFrom<DType>('f32', 'f16', 'f16', 'bf16'),
  shape,
  cut: fc.option(
    fc.record({
      down: fc.constantFrom(1, 2),
      across: fc.constantFrom(1, 2),
      perM: fc.constantFrom(1, 2),
      perN: fc.constantFrom(1, 2),
      depth: fc.constantFrom(16, 32),
    }),
  ),
})

describe.runIf(inject('devices').includes('webgpu'))('products by subgroup matrices, emulated', () => {
  let emulator: Emulator
  beforeAll(async () => {
    const opened = await openEmulator()
    if (opened === null) throw new Error('this adapter has no subgroups of one size, or no f16')
    emulator = opened
  })
  afterAll(() => emulator.close())

  const tried = async (one: Case): Promise<readonly string[]> => {
    const kernel = halfKernel(one)
    const inputs = eighths(kernel)
    const used = matrices(one.shape, emulator.subgroup, emulator.memory)
    expect(matricesFor(kernel, { ...hardwareTuning, matrices: used })).toBe(used)
    const actual = await emulator.run(printMatrices(kernel, used, one.cut), kernel, inputs)
    const expected = interpreted(kernel, inputs)
    if (!one.choice.epilogue) expect(actual).toEqual(expected)
    return differences(actual, expected)
  }

  it('are what the interpreter computes: every layout, size, edge, epilogue, shape and cut', { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, async (one) => {
        expect(await tried(one)).toEqual([])
      }),
      { seed: 11, numRuns: 40, endOnFailure: true },
    )
  })
})

describe('the text', () => {
  it('is emulated whole', () => {
    expect(emulated).toBeTypeOf('function')
    expect(printDot).toBeTypeOf('function')
    expect(openWebgpu).toBeTypeOf('function')
  })
})
