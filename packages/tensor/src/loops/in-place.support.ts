/**
 * For tests: kernels that work in place in every way a scheduler may ask for. Several buffers are read and written, each
 * in an order of its own, and every value may load all of them (so that results are swapped and sums of both); rows have
 * reductions, row stores and full stores; dots have accumulators.
 */
import * as fc from 'fast-check'
import type { Axis, Ix } from './ix.ts'
import * as I from './ix.ts'
import type { DotKernel, Kernel, KernelBuffer, LoopKernel, Reduction, Store } from './kernel.ts'
import * as S from './scalar.ts'
import type { Scalar } from './scalar.ts'

const sizeOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.extent, 1)
/** The position in an array over the axes, in the order given. */
const dense = (axes: readonly Axis[]): Ix =>
  I.flatten(
    axes.map(I.ofAxis),
    axes.map((a) => a.extent),
  )
const f32 = (size: number, read: boolean, write: boolean): KernelBuffer => ({ dtype: 'f32', size, read, write })

/** One number after the other decides. */
type Pick = (n: number) => number
const picks = fc.array(fc.nat(9999), { minLength: 60, maxLength: 60 }).map((choices): Pick => {
  let taken = 0
  return (n) => choices[taken++ % choices.length]! % n
})

/** A value made of some of the leaves, tame whatever they are. */
const valueOf = (pick: Pick, leaves: readonly Scalar[], depth: number): Scalar => {
  if (depth === 0) return leaves[pick(leaves.length)]!
  const x = valueOf(pick, leaves, depth - 1)
  if (pick(3) === 0) return S.unary((['neg', 'abs', 'tanh', 'exp'] as const)[pick(4)]!, S.unary('tanh', x))
  return S.binary((['add', 'sub', 'max', 'min'] as const)[pick(4)]!, x, valueOf(pick, leaves, depth - 1))
}

/** A buffer worked on in place: where an iteration loads and stores it. */
interface State {
  readonly buffer: number
  readonly at: Ix
}
const loadOf = ({ buffer, at }: State): Scalar => S.load(buffer, at, 'f32')
const shuffled = (pick: Pick, axes: readonly Axis[]): readonly Axis[] =>
  pick(2) === 0 ? axes : [...axes].sort((a, b) => b.id - a.id)

const short = fc.integer({ min: 1, max: 7 })
const extent = fc.oneof(short, fc.constantFrom(9, 16, 17, 23, 35, 66))
/** Two short axes, or one of any length. */
const extents = fc.oneof(fc.tuple(short, short), fc.tuple(extent))

/** Buffer 0 is an input of every size, which the values read at all positions' own places; the last is only written. */
export const inPlaceLoops: fc.Arbitrary<LoopKernel> = fc
  .record({
    rows: fc.oneof({ arbitrary: extents, weight: 5 }, { arbitrary: fc.constant([]), weight: 1 }),
    cols: extents,
    form: fc.constantFrom('elements', 'rows', 'rows', 'running'),
    pick: picks,
  })
  .map(({ rows, cols, form, pick }): LoopKernel => {
    const R = rows.map((extent, id): Axis => ({ id, extent }))
    const C = (form === 'running' ? cols.slice(0, 1) : cols).map((extent, i): Axis => ({ id: R.length + i, extent }))
    const over = { row: form === 'elements' ? [...R, ...C] : R, full: [...R, ...C] }
    const size = sizeOf(over.full)
    const buffers: KernelBuffer[] = [f32(size, true, false)]
    const input = S.load(0, dense(over.full), 'f32')
    const rowInput = S.load(0, dense(over.row), 'f32')
    const states = (axes: readonly Axis[], count: number): readonly State[] =>
      Array.from({ length: count }, () => ({
        buffer: buffers.push(f32(sizeOf(axes), true, true)) - 1,
        at: dense(shuffled(pick, axes)),
      }))
    const ofRow = states(over.row, form === 'running' ? 0 : 1 + pick(3))
    const ofAll = form === 'elements' ? [] : states(over.full, 1 + pick(3))

    const running = form === 'running'
    const reductions: Reduction[] = []
    const reducedSoFar = (): readonly Scalar[] => reductions.map((_, r) => S.reduced(r, 'f32'))
    for (let n = form === 'elements' ? 0 : running ? 1 : 1 + pick(3); n > 0; n--) {
      const leaves = [input, ...ofRow.map(loadOf), ...ofAll.map(loadOf), ...reducedSoFar()]
      const value = S.unary('tanh', valueOf(pick, leaves, 2))
      reductions.push({ op: (['sum', 'max', 'min'] as const)[pick(3)]!, dtype: 'f32', value, running })
    }
    // A row of one column is one iteration with its only column, which the row stores may load.
    const single = C.every((a) => a.extent === 1) ? ofAll.map(loadOf) : []
    const rowLeaves = [rowInput, ...ofRow.map(loadOf), ...(running ? [] : reducedSoFar()), ...single]
    const fullLeaves = [input, ...ofAll.map(loadOf), ...reducedSoFar()]
    const store = (scope: Store['scope'], leaves: readonly Scalar[], { buffer, at }: State): Store => ({
      buffer,
      at,
      value: valueOf(pick, leaves, pick(3)),
      scope,
      mode: 'set',
    })
    const scope = form === 'elements' ? 'row' : 'full'
    const fresh: State = { buffer: buffers.push(f32(size, false, true)) - 1, at: dense(over.full) }
    const stores = [
      ...ofRow.map((s) => store('row', rowLeaves, s)),
      ...ofAll.map((s) => store('full', fullLeaves, s)),
      store(scope, scope === 'row' ? rowLeaves : fullLeaves, fresh),
    ]
    // In any order: none sees another's.
    for (let i = stores.length - 1; i > 0; i--) {
      const j = pick(i + 1)
      ;[stores[i], stores[j]] = [stores[j]!, stores[i]!]
    }
    return {
      kind: 'loop',
      name: `in place, ${form}`,
      buffers,
      rows: over.row,
      cols: form === 'elements' ? [] : C,
      reductions,
      stores,
    }
  })

/** Buffers 0 and 1 are the operands; the others accumulate. */
export const inPlaceDots: fc.Arbitrary<DotKernel> = fc
  .record({ batch: fc.integer({ min: 1, max: 2 }), m: extent, n: extent, k: short, pick: picks })
  .map(({ batch, m, n, k, pick }): DotKernel => {
    const [B, M, N, K] = [batch, m, n, k].map((extent, id): Axis => ({ id, extent })) as [Axis, Axis, Axis, Axis]
    const results = [B, M, N]
    const states = Array.from({ length: 2 + pick(2) }, (_, i): State => ({
      buffer: 2 + i,
      at: dense([B, ...shuffled(pick, [M, N])]),
    }))
    const leaves = [S.reduced(0, 'f32'), ...states.map(loadOf)]
    return {
      kind: 'dot',
      name: 'in place, dot',
      buffers: [
        f32(sizeOf([B, M, K]), true, false),
        f32(sizeOf([B, K, N]), true, false),
        ...states.map(() => f32(sizeOf(results), true, true)),
      ],
      batch: [B],
      m: M,
      n: N,
      k: K,
      a: S.load(0, dense([B, ...shuffled(pick, [M, K])]), 'f32'),
      b: S.load(1, dense([B, ...shuffled(pick, [K, N])]), 'f32'),
      reductions: [],
      stores: states.map(({ buffer, at }) => ({
        buffer,
        at,
        value: valueOf(pick, leaves, pick(3)),
        scope: 'full',
        mode: 'set',
      })),
    }
  })

export const inPlaceKernels: fc.Arbitrary<Kernel> = fc.oneof(
  { arbitrary: inPlaceLoops, weight: 3 },
  { arbitrary: inPlaceDots, weight: 1 },
)
