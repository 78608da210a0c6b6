/** For tests: dots in every layout, with and without prologues and epilogues. */
import fc from 'fast-check'
import type { DType } from '../../base/dtype.ts'
import * as I from '../../loops/ix.ts'
import type { Axis, Ix } from '../../loops/ix.ts'
import type { DotKernel, KernelBuffer, Reduction, Store } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import type { Scalar } from '../../loops/scalar.ts'

const into = (dtype: DType, size: number): KernelBuffer => ({ dtype, size, read: true, write: false })
const f32 = (size: number, write = false): KernelBuffer => ({ dtype: 'f32', size, read: !write, write })
const flat = (axes: readonly Axis[]): Ix =>
  I.flatten(
    axes.map(I.ofAxis),
    axes.map((a) => a.extent),
  )

export interface Choice {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  /** Orders of the axes of a, b and the result in memory. */
  readonly orders: readonly [boolean, boolean, boolean]
  /** Whether a and b are read through a function. */
  readonly prologues: readonly [boolean, boolean]
  readonly epilogue: boolean
  readonly shared: boolean
  /** What a and b are stored as; f32 unless said. */
  readonly stored?: readonly [DType, DType]
}
export const kernelOf = ({ batch, m, n, k, orders, prologues, epilogue, shared, stored }: Choice): DotKernel => {
  const [B, M, N, K] = [batch, m, n, k].map((extent, id) => ({ id, extent })) as [Axis, Axis, Axis, Axis]
  const outer = (x: Axis, y: Axis, turned: boolean): readonly Axis[] => (turned ? [y, x] : [x, y])
  const through = (x: Scalar, on: boolean): Scalar =>
    on
      ? S.binary(
          'mul',
          S.unary('tanh', x),
          S.select(S.within(I.ofAxis(K), 1, 7), S.constant('f32', 0.5), S.load(3, I.ofAxis(K), 'f32')),
        )
      : x
  const at = flat([B, ...outer(M, N, orders[2])])
  const sum = S.reduced(0, 'f32')
  const stores: Store[] = [
    {
      buffer: 4,
      at,
      value: epilogue
        ? S.binary(
            'add',
            S.unary('sigmoid', sum),
            S.binary('mul', S.load(2, I.ofAxis(N), 'f32'), S.cast('f32', S.index(I.ofAxis(M)))),
          )
        : sum,
      scope: 'full',
      mode: 'set',
    },
    ...(epilogue
      ? [{ buffer: 5, at: flat([M, B, N]), value: S.unary('neg', sum), scope: 'full', mode: 'set' } as const]
      : []),
  ]
  return {
    kind: 'dot',
    name: 'dot',
    buffers: [
      into(stored?.[0] ?? 'f32', batch * m * k),
      into(stored?.[1] ?? 'f32', batch * k * n),
      f32(n),
      f32(k),
      f32(batch * m * n, true),
      f32(batch * m * n, true),
    ],
    batch: [B],
    m: M,
    n: N,
    k: K,
    a: through(S.load(0, flat([B, ...outer(M, K, orders[0])]), 'f32'), prologues[0]),
    b: through(S.load(1, flat([...(shared ? [] : [B]), ...outer(K, N, orders[1])]), 'f32'), prologues[1]),
    reductions: [],
    stores,
  }
}
export const odd = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(15, 16, 17, 22, 31, 33, 48))
export const choices = (size: fc.Arbitrary<number>, batch: number): fc.Arbitrary<Choice> =>
  fc.record({
    batch: fc.integer({ min: 1, max: batch }),
    m: size,
    n: size,
    k: size,
    orders: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    prologues: fc.tuple(fc.boolean(), fc.boolean()),
    epilogue: fc.boolean(),
    shared: fc.boolean(),
  })

/** What is made of rows of sums: numbers that choose it. */
export const rowForms: fc.Arbitrary<readonly number[]> = fc.array(fc.nat({ max: 1 << 20 }), {
  minLength: 24,
  maxLength: 24,
})

/**
 * The same product, of whose rows something is reduced: up to three reductions, each of the sums, of what is loaded by row, by column
 * and by both, and of the reductions before it; then stores of a row and of all elements, one of them over what it loads.
 */
export const rowKernelOf = (choice: Choice, form: readonly number[]): DotKernel => {
  const dot = kernelOf({ ...choice, epilogue: false })
  const { m: M, n: N, k: K, batch } = dot
  const B = batch[0]!
  let at = 0
  const pick = <A>(of: readonly A[]): A => of[form[at++ % form.length]! % of.length]!
  const rows = flat([B, M])
  const cell = flat([B, ...(choice.orders[2] ? [N, M] : [M, N])])
  const [BY_COLUMN, RESULT, BY_ROW, STATE, COUNTS] = [2, 4, 5, 6, 7]
  const sum = S.reduced(0, 'f32')
  const state = S.load(STATE, cell, 'f32')
  const leaves: Scalar[] = [
    ...[sum, sum, sum, state, S.load(BY_COLUMN, I.ofAxis(N), 'f32')],
    S.select(S.within(I.sub(I.ofAxis(M), I.ofAxis(N)), 0, K.extent + 3), sum, S.constant('f32', -2)),
  ]
  const value = (): Scalar =>
    pick([
      () => S.binary('sub', S.unary('tanh', pick(leaves)), pick(leaves)),
      () => S.unary('exp', S.unary('sin', pick(leaves))), // dear, so that it is kept from pass to pass
      () => S.binary('mul', S.unary('sigmoid', pick(leaves)), S.unary('tanh', pick(leaves))),
      () => pick(leaves),
    ])()
  const ofRow: Scalar[] = [S.cast('f32', S.index(I.ofAxis(M)))]
  const counted: Scalar[] = []
  const reductions = Array.from({ length: 1 + (form[at++]! % 3) }, (_, i): Reduction => {
    const counts = form[at++]! % 4 === 0
    const x = value()
    const reduced = S.reduced(1 + i, counts ? 'i32' : 'f32')
    if (counts) {
      counted.push(reduced)
      return {
        op: 'sum',
        dtype: 'i32',
        value: S.cast('i32', S.binary('gt', x, S.constant('f32', 0.123))),
        running: false,
      }
    }
    const op = pick(['sum', 'max', 'min'] as const)
    // A sum stays of the size of its terms.
    const small = op === 'sum' ? S.binary('mul', x, S.constant('f32', 1 / Math.max(1, N.extent))) : x
    // What it reduces is read again by what comes after: kept from pass to pass, where it is dear.
    leaves.push(reduced, x)
    ofRow.push(reduced)
    return { op, dtype: 'f32', value: small, running: false }
  })
  const inPlace = form[at++]! % 2 === 0
  const size = B.extent * M.extent
  return {
    ...dot,
    buffers: [
      ...dot.buffers.slice(0, 5),
      f32(size, true),
      { ...f32(size * N.extent), write: inPlace },
      { dtype: 'i32', size, read: false, write: true },
    ],
    reductions,
    stores: [
      { buffer: RESULT, at: cell, value: value(), scope: 'full', mode: 'set' },
      { buffer: BY_ROW, at: rows, value: S.unary('neg', pick(ofRow)), scope: 'row', mode: 'set' },
      ...(inPlace ? [{ buffer: STATE, at: cell, value: value(), scope: 'full', mode: 'set' } as const] : []),
      ...counted.slice(0, 1).map((value) => ({ buffer: COUNTS, at: rows, value, scope: 'row', mode: 'set' }) as const),
    ],
  }
}

/** Products of any kind: odd, empty and long ones, in every layout, of f32 and of halves. */
export const anyChoice: fc.Arbitrary<Choice> = fc
  .tuple(
    choices(fc.oneof({ weight: 8, arbitrary: odd }, { weight: 1, arbitrary: fc.constant(0) }), 3),
    fc.option(
      fc.record({
        k: fc.constantFrom(255, 257, 520),
        m: fc.constantFrom(1, 4, 9, 37, 70),
        n: fc.constantFrom(3, 50, 130),
      }),
    ),
    fc.tuple(fc.constantFrom('f32', 'f16', 'bf16'), fc.constantFrom('f32', 'f16', 'bf16')),
  )
  .map(([choice, long, stored]) => ({ ...choice, ...long, stored }))

/** Their kernels, which store their sums or reduce their rows. */
export const anyProduct: fc.Arbitrary<DotKernel> = fc
  .tuple(anyChoice, fc.option(rowForms))
  .map(([choice, form]) => (form === null ? kernelOf(choice) : rowKernelOf(choice, form)))
