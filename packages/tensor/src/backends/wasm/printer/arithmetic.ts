/** What the instruction table lacks: selections, bit casts, minima, doubles, shuffles; each for scalars and for lanes. */
import { unsigned } from './encode.ts'
import type { Emitter, Val } from './emitter.ts'
import { code, type Type } from './instructions.ts'

export const f32 = (e: Emitter, value: number): Val => e.constant('f32', value)
export const i32 = (e: Emitter, value: number): Val => e.constant('i32', value)

/** x where the condition holds, else y. */
export const select = (e: Emitter, condition: Val, x: Val, y: Val): Val => {
  if (condition.value !== null) return condition.value === 0 ? y : x
  if (x.id === y.id) return x
  if (!condition.lanes && !x.lanes && !y.lanes) return e.pure(code.select, [x, y, condition], x.type, false)
  // one instruction instead of the three that a selection of lanes is made of
  if (Object.is(y.value, 0)) return e.pure(code.v128And, [e.splat(x), e.splat(condition)], x.type, true)
  if (Object.is(x.value, 0)) return e.pure(code.v128AndNot, [e.splat(y), e.splat(condition)], x.type, true)
  return e.pure(code.bitselect, [e.splat(x), e.splat(y), e.splat(condition)], x.type, true)
}

export const not = (e: Emitter, x: Val): Val =>
  x.value !== null
    ? e.constant('bool', x.value === 0 ? 1 : 0)
    : x.lanes
      ? e.pure(code.v128Not, [x], 'bool', true)
      : e.pure(code.i32Eqz, [x], 'bool', false)

const retyped = (x: Val, type: Type): Val => ({ ...x, type })
/** The bits of an f32 as an i32, and back. */
export const bitsOf = (e: Emitter, x: Val): Val =>
  x.lanes ? retyped(x, 'i32') : e.pure(code.i32ReinterpretF32, [x], 'i32', false)
export const fromBits = (e: Emitter, x: Val): Val =>
  x.lanes ? retyped(x, 'f32') : e.pure(code.f32ReinterpretI32, [x], 'f32', false)

/** 0 or 1 as an i32. */
export const asInteger = (e: Emitter, x: Val): Val =>
  x.lanes ? retyped(e.op('band', x, retyped(e.vector('i32', [1, 1, 1, 1]), 'bool')), 'i32') : retyped(x, 'i32')

/** `y < x ? y : x` and `x < y ? y : x`: cheaper than minimum and maximum, and the first operand's NaN stays. */
export const lower = (e: Emitter, x: Val, y: Val): Val =>
  x.lanes || y.lanes
    ? e.pure(code.f32x4PMin, [e.splat(x), e.splat(y)], 'f32', true)
    : select(e, e.op('flt', y, x), y, x)
export const upper = (e: Emitter, x: Val, y: Val): Val =>
  x.lanes || y.lanes
    ? e.pure(code.f32x4PMax, [e.splat(x), e.splat(y)], 'f32', true)
    : select(e, e.op('flt', x, y), y, x)

/** x where the condition holds, else 0. */
export const keepWhere = (e: Emitter, condition: Val, x: Val): Val => select(e, condition, x, e.constant(x.type, 0))

type Extremum = 'minS' | 'minU' | 'maxS' | 'maxU'
const extrema = {
  minS: { lanes: code.i32x4MinS, holds: 'ilts', keep: (x: number, y: number) => Math.min(x, y) },
  minU: { lanes: code.i32x4MinU, holds: 'iltu', keep: (x: number, y: number) => (x >>> 0 < y >>> 0 ? x : y) },
  maxS: { lanes: code.i32x4MaxS, holds: 'igts', keep: (x: number, y: number) => Math.max(x, y) },
  maxU: { lanes: code.i32x4MaxU, holds: 'igtu', keep: (x: number, y: number) => (x >>> 0 > y >>> 0 ? x : y) },
} as const
/** The smaller or larger of two integers. */
export const extremum = (e: Emitter, kind: Extremum, x: Val, y: Val): Val => {
  const { lanes, holds, keep } = extrema[kind]
  if (x.value !== null && y.value !== null) return i32(e, keep(x.value, y.value))
  if (x.lanes || y.lanes) return e.pure(lanes, [e.splat(x), e.splat(y)], 'i32', true)
  return select(e, e.op(holds, x, y), x, y)
}

/** Lanes a, b, c, d of the eight lanes of x and y. */
export const shuffle = (e: Emitter, x: Val, y: Val, lanes: readonly number[]): Val =>
  e.pure([...code.shuffle, ...lanes.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3])], [x, y], x.type, true)

/** Lane `lane` of a vector, as a scalar. */
export const extract = (e: Emitter, x: Val, lane: number): Val => {
  if (!x.lanes) return x
  if (x.type === 'f32') return e.pure([...code.f32x4Extract, lane], [x], 'f32', false)
  if (x.type === 'i32') return e.pure([...code.i32x4Extract, lane], [x], 'i32', false)
  const bit = e.pure([...code.i32x4Extract, lane], [x], 'i32', false)
  return retyped(e.op('iand', bit, i32(e, 1)), 'bool')
}

/** A vector of four i32 scalars. */
export const gatherLanes = (e: Emitter, xs: readonly Val[]): Val =>
  xs.reduce<Val>(
    (vector, x, lane) => (lane === 0 ? vector : e.pure([...code.i32x4Replace, lane], [vector, x], 'i32', true)),
    e.splat(xs[0]!),
  )

/** Doubles: a scalar is one part, four lanes are two parts of two. */
export type Wide = readonly Val[]

const halves = (e: Emitter, x: Val): readonly Val[] => [x, shuffle(e, x, x, [2, 3, 2, 3])]
export const widen = (e: Emitter, x: Val): Wide =>
  x.lanes
    ? halves(e, x).map((h) => e.pure(code.f64x2PromoteLow, [h], 'f64', true))
    : [x.value === null ? e.pure(code.f64PromoteF32, [x], 'f64', false) : e.constant('f64', x.value)]
export const widenInteger = (e: Emitter, x: Val, isSigned: boolean): Wide =>
  x.lanes
    ? halves(e, x).map((h) => e.pure(isSigned ? code.f64x2ConvertLowS : code.f64x2ConvertLowU, [h], 'f64', true))
    : [e.pure(isSigned ? code.f64ConvertS : code.f64ConvertU, [x], 'f64', false)]

const joined = (e: Emitter, parts: readonly Val[]): Val => shuffle(e, parts[0]!, parts[1]!, [0, 1, 4, 5])
export const narrow = (e: Emitter, x: Wide): Val =>
  x.length === 1
    ? e.pure(code.f32DemoteF64, x, 'f32', false)
    : joined(
        e,
        x.map((p) => e.pure(code.f32x4DemoteF64x2, [p], 'f32', true)),
      )
/** Truncates and saturates; NaN gives 0. */
export const narrowInteger = (e: Emitter, x: Wide, isSigned: boolean): Val =>
  x.length === 1
    ? e.pure(isSigned ? code.i32TruncF64S : code.i32TruncF64U, x, 'i32', false)
    : joined(
        e,
        x.map((p) => e.pure(isSigned ? code.i32x4TruncF64S : code.i32x4TruncF64U, [p], 'i32', true)),
      )

export type WideOp = 'dadd' | 'dsub' | 'dmul' | 'ddiv' | 'dmin' | 'dmax'
export const wide = (e: Emitter, op: WideOp, x: Wide, y: Wide | number): Wide => {
  const z = typeof y === 'number' ? [e.constant('f64', y)] : y
  return (x.length > z.length ? x : z).map((_, i) => e.op(op, x[i] ?? x[0]!, z[i] ?? z[0]!))
}
export const wideNearest = (e: Emitter, x: Wide): Wide => x.map((p) => e.op('dnearest', p))
export const wideTruncated = (e: Emitter, x: Wide): Wide => x.map((p) => e.op('dtrunc', p))

/** A load or store with its immediates: alignment (as a power of two), offset in bytes, and of some the lane. */
export const access = (opcode: readonly number[], offset: number, ...lane: readonly number[]): readonly number[] => [
  ...opcode,
  2,
  ...unsigned(offset),
  ...lane,
]
/** The same for elements of two bytes. */
export const accessOfHalf = (
  opcode: readonly number[],
  offset: number,
  ...lane: readonly number[]
): readonly number[] => [...opcode, 1, ...unsigned(offset), ...lane]
