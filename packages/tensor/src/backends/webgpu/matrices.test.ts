import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { DType } from '../../base/dtype.ts'
import * as I from '../../loops/ix.ts'
import type { DotKernel } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import { kernelSteps } from '../../loops/program.ts'
import * as p from '../../primitives/index.ts'
import { schedule } from '../../compile/schedule.ts'
import { type Choice, kernelOf } from '../linear/dot-kernels.support.ts'
import { openWebgpu, type Values } from './kernel-trial.support.ts'
import { matricesOffered, multiply } from './matrices.ts'
import { type Emulator, interpreted, openEmulator } from './matrix-trial.support.ts'
import { webgpuDevice } from './open.ts'
import type { MatrixCut } from './printer/fragments.ts'
import { dotChoices, hardwareTuning, type Matrices, printDot, printKernel } from './printer/index.ts'
import { matricesFor, printMatrices } from './printer/matrix.ts'
import { openNull } from './null-backend.support.ts'

/** How an operand's elements come: as they are stored, with a border of zeros, rounded to f16 from what is computed. */
type Form = 'load' | 'padded' | 'rounded'
/** What becomes of a sum: it is stored; a bias is added and it is stored twice; it is added to what stands there. */
type Epilogue = 'none' | 'bias' | 'residual'
interface Case {
  readonly choice: Choice
  readonly forms: readonly [Form, Form]
  readonly epilogue: Epilogue
  readonly result: DType
  readonly shape: readonly [number, number, number]
  readonly cut: MatrixCut | null
  /** The operands are bound writable, as what lies in the arena is. */
  readonly bound: boolean
}

const RESULT = 4
/** The product of a case: of f16, each of whose sums f32 holds exactly where the operands are eighths. */
const kernelFor = ({ choice, forms, epilogue, result, bound }: Case): DotKernel => {
  const kernel = kernelOf({ ...choice, epilogue: epilogue === 'bias', stored: ['f16', 'f16'] })
  const formed = (s: S.Scalar, form: Form): S.Scalar => {
    if (form === 'padded') return S.select(S.within(I.ofAxis(kernel.k), 1, 11), s, S.constant('f32', 0))
    return form === 'rounded' ? S.unary('f16', S.binary('mul', s, S.constant('f32', 0.5))) : s
  }
  const sum = S.reduced(0, 'f32')
  const valued = (at: I.Ix): S.Scalar => {
    if (epilogue === 'residual') return S.binary('add', sum, S.load(RESULT, at, 'f32'))
    return epilogue === 'bias' ? S.binary('max', sum, S.load(2, I.ofAxis(kernel.n), 'f32')) : sum
  }
  return {
    ...kernel,
    buffers: kernel.buffers.map((b, i) => {
      if (i === RESULT) return { ...b, dtype: result, read: epilogue === 'residual' }
      return i < 2 ? { ...b, write: bound } : b
    }),
    a: formed(kernel.a, forms[0]),
    b: formed(kernel.b, forms[1]),
    stores: kernel.stores.map((s) =>
      s.buffer === RESULT ? { ...s, value: S.cast(result, valued(s.at)) } : { ...s, value: S.unary('neg', sum) },
    ),
  }
}

const eighths = (kernel: DotKernel): Values =>
  kernel.buffers
    .filter((b) => b.read)
    .map(({ size }, b) => Array.from({ length: size }, (_, i) => ((((i + b) * 7919) % 61) - 30) / 8))

const sizes = fc.oneof(fc.integer({ min: 16, max: 50 }), fc.constantFrom(16, 32, 64))
const form = fc.constantFrom<Form>('load', 'load', 'load', 'padded', 'rounded')
const anyCase: fc.Arbitrary<Case> = fc.record({
  choice: fc.record({
    batch: fc.integer({ min: 1, max: 3 }),
    m: sizes,
    n: sizes,
    k: fc.oneof({ weight: 5, arbitrary: sizes }, { weight: 1, arbitrary: fc.constantFrom(514, 600) }),
    orders: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    prologues: fc.constant([false, false] as const),
    epilogue: fc.constant(false),
    shared: fc.boolean(),
  }),
  forms: fc.tuple(form, form),
  epilogue: fc.constantFrom<Epilogue>('none', 'bias', 'residual'),
  result: fc.constantFrom<DType>('f32', 'f16', 'f16', 'bf16'),
  shape: fc.constantFrom([16, 16, 16] as const, [16, 8, 8] as const, [8, 16, 8] as const, [8, 8, 16] as const),
  bound: fc.boolean(),
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
const plain: Case = {
  choice: {
    ...{ batch: 2, m: 17, n: 18, k: 19, orders: [false, false, false], prologues: [false, false] },
    ...{ epilogue: false, shared: false },
  },
  ...{ forms: ['load', 'load'], epilogue: 'none', result: 'f32', shape: [16, 16, 16], cut: null, bound: false },
}

const matricesIn = ([m, n, k]: Case['shape'], subgroup: number, memory: number): Matrices => ({
  ...{ m, n, k, subgroup, memory },
})
const ofNvidia = matricesIn([16, 16, 16], 32, 49_152)

describe.runIf(inject('devices').includes('webgpu'))('products by subgroup matrices, emulated', () => {
  let emulator: Emulator
  beforeAll(async () => {
    const opened = await openEmulator()
    if (opened === null) throw new Error('this adapter has no subgroups of one size, or no f16')
    emulator = opened
  })
  afterAll(() => emulator.close())

  const tried = async (one: Case, inputs = eighths(kernelFor(one))): Promise<void> => {
    const kernel = kernelFor(one)
    const matrices = matricesIn(one.shape, emulator.subgroup, emulator.memory)
    expect(matricesFor(kernel, { ...hardwareTuning, matrices })).toBe(matrices)
    const actual = await emulator.run(printMatrices(kernel, matrices, one.cut), kernel, inputs)
    expect(actual).toEqual(interpreted(kernel, inputs))
  }
  it(
    'are what the interpreter computes, exactly: any layout, size, edge, epilogue, shape and cut',
    { timeout: 300_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(anyCase, (one) => tried(one)),
        { seed: 11, numRuns: 25, endOnFailure: true },
      )
    },
  )
  it('let infinities and NaN no further than their rows and columns: what pads k is 0 on both sides', async () => {
    const inputs = eighths(kernelFor(plain)).map((values) =>
      values.map((x, i) => (i % 19 === 18 && i % 7 === 0 ? Infinity : x)),
    )
    await tried(plain, inputs)
    await tried(
      plain,
      inputs.map((values) => values.map((x) => (x === Infinity ? NaN : x))),
    )
  })
  it.each([
    [19, 20],
    [18, 21],
  ])(
    'of views of %i into rows of %i: what lies beside them is neither read as theirs nor written',
    async (near, row) => {
      const kernel = kernelFor({ ...plain, result: 'f16', choice: { ...plain.choice, k: near, n: near } })
      const { m, n, k } = kernel
      const b = kernel.batch[0]!
      const wide = (of: I.Axis): I.Ix => I.flatten([b, m, of].map(I.ofAxis), [b.extent, m.extent, row])
      const viewed: DotKernel = {
        ...kernel,
        buffers: kernel.buffers.map((x, i) =>
          i === 0 || i === RESULT ? { ...x, size: b.extent * m.extent * row } : x,
        ),
        a: S.load(0, wide(k), 'f32'),
        stores: kernel.stores.map((s) => ({ ...s, at: wide(n) })),
      }
      const [a, ...others] = eighths(viewed)
      const inputs = [a!.map((x, i) => (i % row === row - 1 ? Infinity : x)), ...others]
      const matrices = matricesIn(plain.shape, emulator.subgroup, emulator.memory)
      const actual = await emulator.run(printMatrices(viewed, matrices), viewed, inputs)
      expect(actual).toEqual(interpreted(viewed, inputs))
    },
  )
  it('multiply where a device is opened, whose trial tells sums that are rounded, and matrices taken for one another', async () => {
    const matrices = matricesIn([16, 8, 16], emulator.subgroup, emulator.memory)
    expect(await multiply(emulator.gpu(), matrices)).toBe(true)
    const rounded = (text: string): string =>
      text.replace(/sum = (fma\(.*\));/, 'sum = bitcast<f32>(bitcast<u32>($1) & 0xffffe000u); // 11 bits')
    const swapped = (text: string): string => text.replace(/left_at\(x, (.*?), q\)/, 'left_at(x, q, $1)')
    for (const spoiled of [rounded, swapped])
      expect(spoiled('sum = fma(left_at(x, p / 8i, q), 0, 0);')).not.toContain('sum = fma(left_at(x, p')
    for (const spoiled of [rounded, swapped])
      expect([spoiled, await multiply(emulator.gpu(spoiled), matrices)]).toEqual([spoiled, false])
    expect(
      await multiply(
        emulator.gpu(() => 'no text'),
        matrices,
      ),
    ).toBe(false)
  })
})

describe('products by subgroup matrices', () => {
  it('are texts that Tint takes, as pipelines too: every case above', { timeout: 120_000 }, async () => {
    const complaintOf = await openNull()
    await fc.assert(
      fc.asyncProperty(anyCase, fc.constantFrom(16_384, 49_152), async (one, memory) => {
        const shader = printMatrices(kernelFor(one), matricesIn(one.shape, 32, memory))
        expect(await complaintOf(shader, memory <= 16_384)).toBe(null)
      }),
      { seed: 12, numRuns: 60, endOnFailure: true },
    )
    const large = kernelFor({ ...plain, choice: { ...plain.choice, m: 4096, n: 4095, k: 4096 } })
    for (const shape of [[16, 16, 16] as const, [16, 8, 16] as const, [8, 8, 8] as const]) {
      const tuning = { ...hardwareTuning, matrices: matricesIn(shape, 32, 49_152) }
      for (const { choice } of dotChoices(large, tuning))
        expect(await complaintOf(printDot(large, tuning, choice), false)).toBe(null)
    }
    // And what is wrong in a text is found.
    const narrow = printMatrices(kernelFor(plain), matricesIn(plain.shape, 16, 16_384))
    expect(await complaintOf(narrow, true)).toMatch(/multiple of the device maxSubgroupSize/)
    const { source, ...rest } = printMatrices(kernelFor(plain), ofNvidia)
    for (const [right, wrong] of [
      ['subgroup_matrix_left<f16, 16, 16>', 'subgroup_matrix_left<f16, 8, 16>'],
      ['own + 0i', 'i32(lane)'],
      ['Accumulate(x0, y0,', 'Accumulate(y0, x0,'],
      [', 40i)', ', 8i)'],
      ['enable f16;', ''],
    ] as const) {
      expect(source).toContain(right)
      expect([right, await complaintOf({ ...rest, source: source.replace(right, wrong) }, false)]).not.toEqual([
        right,
        null,
      ])
    }
  })

  it('are of operands of f16 alone, and of no fewer rows, columns and steps than a matrix has', () => {
    const tuning = { ...hardwareTuning, matrices: ofNvidia }
    const of = (parts: Partial<Choice>, change: (kernel: DotKernel) => DotKernel = (kernel) => kernel): boolean => {
      const choice: Choice = { ...plain.choice, m: 64, n: 64, k: 64, stored: ['f16', 'f16'] }
      const kernel = change(kernelOf({ ...choice, ...parts }))
      expect(printDot(kernel, { ...tuning, matrices: null }).source).not.toContain('subgroup')
      return printDot(kernel, tuning).source.includes('subgroupMatrix')
    }
    expect(of({})).toBe(true)
    expect(of({ stored: ['f16', 'f32'] })).toBe(false)
    expect(of({ stored: ['bf16', 'f16'] })).toBe(false)
    expect(of({ prologues: [true, false] })).toBe(false)
    for (const small of [{ m: 15 }, { n: 15 }, { k: 15 }, { m: 0 }, { k: 0 }]) expect(of(small)).toBe(false)
    const bound = (kernel: DotKernel): DotKernel => ({
      ...kernel,
      buffers: kernel.buffers.map((b) => ({ ...b, write: true })),
    })
    expect(of({}, bound)).toBe(true)
  })

  it('are cut as a tuner chooses, and plain tiles as well', () => {
    const kernel = kernelFor(plain)
    const large: DotKernel = { ...kernel, batch: [{ id: kernel.batch[0]!.id, extent: 1000 }] }
    for (const matrices of [ofNvidia, null]) {
      const tuning = { ...hardwareTuning, matrices }
      const texts = dotChoices(large, tuning).map(({ choice }) => printDot(large, tuning, choice).source)
      expect(new Set(texts).size).toBeGreaterThan(3)
      expect(texts[0]).toBe(printDot(large, tuning).source)
      expect(texts.every((text) => text.includes('subgroupMatrix') === (matrices !== null))).toBe(true)
    }
  })

  it('on a device without them: nothing changes, and a tuning that asks for them is refused', async () => {
    const without = await openNullDevice(null)
    expect(without.tuning.matrices).toBe(null)
    await without.destroy()
    if (!inject('devices').includes('webgpu')) return
    const device = await openWebgpu()
    expect(device.tuning.matrices).toBe(null)
    const asked = await webgpuDevice({ tuning: { ...device.tuning, matrices: ofNvidia } })()
    expect(asked).toMatchObject({
      left: { _tag: 'NoDevice', message: expect.stringMatching(/matrices: null/) as string },
    })
    await device.destroy()
  })
  it('run through a program on a device that has them', async () => {
    const device = await openNullDevice({ ...ofNvidia, memory: 16_384 })
    const inputs = [40, 64].map((rows) => p.parameter({ shape: [rows, rows === 40 ? 64 : 48], dtype: 'f16' }))
    const graph = { inputs, outputs: [p.dot(inputs[0]!, inputs[1]!)], donated: [false, false] }
    const kernels = [...kernelSteps(schedule(device.capabilities)(graph).steps)].map(({ kernel }) => kernel)
    expect(kernels.map((kernel) => printKernel(kernel, device.tuning).source)).toEqual([
      expect.stringContaining('subgroupMatrixMultiplyAccumulate'),
    ])
    const { run } = device.compile(graph)
    const outputs = run(
      inputs.map(({ shape, dtype }) => device.upload(new Float32Array(shape[0]! * shape[1]!), { shape, dtype })),
    )
    expect(E.isRight(await device.download(outputs[0]!)())).toBe(true)
    await device.destroy()
  })

  it('are read from what an adapter says, whatever it says', () => {
    const limits = { maxComputeWorkgroupStorageSize: 32_768 }
    const config = { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 8, K: 16 }
    const said = (subgroupMatrixConfigs: unknown): Matrices | null =>
      matricesOffered({
        info: { subgroupMinSize: 32, subgroupMaxSize: 32, ...{ subgroupMatrixConfigs } },
        limits,
      })
    expect(said([config])).toEqual({ m: 16, n: 8, k: 16, subgroup: 32, memory: 32_768 })
    expect(said([null, 1, {}, { ...config, M: '16' }, config])?.m).toBe(16)
    for (const nothing of [undefined, null, [], 'f16', [{ ...config, componentType: 'f32' }]])
      expect(said(nothing)).toBe(null)
    expect(matricesOffered({ info: {}, limits })).toBe(null)
  })
})

const openNullDevice = (matrices: Matrices | null): ReturnType<typeof openWebgpu> =>
  openWebgpu({
    dawn: ['backend=null'],
    ...(matrices === null ? {} : { tuning: { ...hardwareTuning, matrices } }),
  })
