/**
 * The inside of a dot: one tile of sums in registers while k runs.
 *
 * A tile of 2 rows and 4 vectors holds the sums of 2 x 16 elements of the result in 8 registers. A step of k loads the 16
 * columns of b as 4 vectors, and for each of the 2 rows one element of a, copied to all four lanes; then 8 times
 * sum = sum + a b. So 6 loads feed 32 products, where element by element each would take two.
 */
import type { DType } from '../../../base/dtype.ts'
import { isHalf } from '../../../base/rounding.ts'
import { f32, i32, access, accessOfHalf } from './arithmetic.ts'
import type { Emitter, Val, Variable } from './emitter.ts'
import { widened, widening } from './halves.ts'
import { code } from './instructions.ts'
import type { Address } from './printer.ts'

/** Where an operand of a tile begins, and the bytes from one step of k to the next. */
export interface Stream {
  readonly from: Address
  readonly step: number
}
export interface Tile {
  readonly rows: number
  /** Vectors of four columns in a row. */
  readonly vectors: number
  /** Steps of k, at least one. */
  readonly length: number
  readonly a: Stream
  /** What b is stored as. */
  readonly dtypeOfB: DType
  /** Bytes from a row of a to the next. */
  readonly rowOfA: number
  readonly b: Stream
  /** Whether a product is added without being rounded before. */
  readonly fused: boolean
}

/** The sums of a tile, at zero. */
export const sumsOfTile = (e: Emitter, rows: number, vectors: number): readonly Variable[][] =>
  Array.from({ length: rows }, () =>
    Array.from({ length: vectors }, () => {
      const sum = e.variable('f32', true)
      e.assign(sum, e.vector('f32', [0, 0, 0, 0]))
      return sum
    }),
  )

/** Column `j` of b in a step of k, given where the step begins. */
type Columns = (at: Val, j: number) => Val

/**
 * Adds a(row, k) b(k, column) for the steps of k to sums that are zero. Halves are widened eight at a time; where one of them was not to be
 * widened so, or a sum is not finite, the sums are made again with each by itself.
 */
export const accumulate = (e: Emitter, tile: Tile, sums: readonly Variable[][]): void => {
  const { dtypeOfB, vectors, b } = tile
  const { offset } = b.from
  if (!isHalf(dtypeOfB)) {
    addSteps(e, tile, sums, (at, j) => e.pure(access(code.v128Load, offset + 16 * j), [at], 'f32', true))
    return
  }
  const { widen, scale, watch } = widening[dtypeOfB]
  const seen = e.variable('i32', true)
  e.assign(seen, e.vector('i32', [0, 0, 0, 0]))
  const inPairs: Columns = (at, j) => {
    const load = j === vectors - 1 && j % 2 === 0 ? code.v128Load64Zero : code.v128Load
    const bits = e.pure(accessOfHalf(load, offset + 8 * (j - (j % 2))), [at], 'i32', true)
    if (watch !== null && j % 2 === 0) e.assign(seen, watch.more(e, e.read(seen), bits))
    return widen(e, bits)[j % 2]!
  }
  addSteps(e, tile, sums, inPairs, scale)
  if (watch === null) return
  const all = sums.flat()
  // NaN in a lane where any of the sums is infinite or NaN
  const traces = all.map((sum) => e.op('fmul', e.read(sum), f32(e, 0))).reduce((x, y) => e.op('fadd', x, y))
  const unbounded = e.pure(code.v128AnyTrue, [e.op('fne', traces, traces)], 'bool', false)
  e.when(e.op('bor', watch.failed(e, e.read(seen)), unbounded), () => {
    for (const sum of all) e.assign(sum, e.vector('f32', [0, 0, 0, 0]))
    addSteps(e, tile, sums, (at, j) =>
      widened[dtypeOfB](e, e.pure(accessOfHalf(code.i32x4Load16, offset + 8 * j), [at], 'i32', true)),
    )
  })
}

/** The loop is not unrolled: the engine would spill what it hoists. Elements of a are multiplied by `scale`. */
const addSteps = (
  e: Emitter,
  { rows, vectors, length, a, rowOfA, b, fused }: Tile,
  sums: readonly Variable[][],
  columnOf: Columns,
  scale = 1,
): void => {
  const pa = e.variable('i32', false)
  const pb = e.variable('i32', false)
  e.assign(pa, a.from.base)
  e.assign(pb, b.from.base)
  const end = e.op('iadd', b.from.base, i32(e, b.step * length))
  e.repeat(() => {
    const [atA, atB] = [e.read(pa), e.read(pb)]
    // Several rows share the columns, which are loaded first; those of one row are loaded as they are used, since eight
    // would not fit in registers beside their sums.
    const shared = rows > 1 ? Array.from({ length: vectors }, (_, j) => columnOf(atB, j)) : null
    for (let i = 0; i < rows; i++) {
      const element = e.pure(access(code.v128Load32Splat, a.from.offset + rowOfA * i), [atA], 'f32', true)
      const x = scale === 1 ? element : e.op('fmul', element, f32(e, scale))
      sums[i]!.forEach((sum, j) => {
        const [y, z] = [shared?.[j] ?? columnOf(atB, j), e.read(sum)]
        e.assign(
          sum,
          fused ? e.pure(code.f32x4RelaxedMadd, [x, y, z], 'f32', true) : e.op('fadd', z, e.op('fmul', x, y)),
        )
      })
    }
    const next = e.op('iadd', atB, i32(e, b.step))
    e.assign(pa, e.op('iadd', atA, i32(e, a.step)))
    e.assign(pb, next)
    return e.op('ine', next, end)
  })
}
