/**
 * The inside of a dot: one tile of sums in registers while k runs.
 *
 * A tile of 2 rows and 4 vectors holds the sums of 2 x 16 elements of the result in 8 registers. A step of k loads the 16
 * columns of b as 4 vectors, and for each of the 2 rows one element of a, copied to all four lanes; then 8 times
 * sum = sum + a b. So 6 loads feed 32 products, where element by element each would take two.
 */
import type { DType } from '../../../base/dtype.ts'
import { isHalf } from '../../../base/rounding.ts'
import { i32, memarg, memargOfHalf } from './arithmetic.ts'
import type { Emitter, Val, Variable } from './emitter.ts'
import { widened } from './halves.ts'
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

/** Adds a(row, k) b(k, column) for the steps of k. The loop is not unrolled: the engine would spill what it hoists. */
export const accumulate = (
  e: Emitter,
  { rows, vectors, length, a, rowOfA, b, dtypeOfB }: Tile,
  sums: readonly Variable[][],
): void => {
  const pa = e.variable('i32', false)
  const pb = e.variable('i32', false)
  e.assign(pa, a.from.base)
  e.assign(pb, b.from.base)
  const end = e.op('iadd', b.from.base, i32(e, b.step * length))
  e.repeat(() => {
    const [atA, atB] = [e.read(pa), e.read(pb)]
    const column = (j: number): Val => {
      if (!isHalf(dtypeOfB)) return e.pure([...code.v128Load, ...memarg(b.from.offset + 16 * j)], [atB], 'f32', true)
      const bits = e.pure([...code.i32x4Load16, ...memargOfHalf(b.from.offset + 8 * j)], [atB], 'i32', true)
      return widened[dtypeOfB](e, bits)
    }
    // Several rows share the columns, which are loaded first; those of one row are loaded as they are used, since eight
    // would not fit in registers beside their sums.
    if (rows > 1) for (let j = 0; j < vectors; j++) column(j)
    for (let i = 0; i < rows; i++) {
      const x = e.pure([...code.v128Load32Splat, ...memarg(a.from.offset + rowOfA * i)], [atA], 'f32', true)
      sums[i]!.forEach((sum, j) => e.assign(sum, e.op('fadd', e.read(sum), e.op('fmul', x, column(j)))))
    }
    const next = e.op('iadd', atB, i32(e, b.step))
    e.assign(pa, e.op('iadd', atA, i32(e, a.step)))
    e.assign(pb, next)
    return e.op('ine', next, end)
  })
}
