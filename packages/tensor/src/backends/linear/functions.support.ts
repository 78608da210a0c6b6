/** For tests: operands for the functions of the scalar language, and how far a result is from the exact one. */
import * as I from '../../loops/ix.ts'
import type { LoopKernel } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'

/** f(x, y) over arrays of n elements, in lanes or one by one: buffers 0 and 1 are x and y, 2 the result. */
export const functionKernel = (f: (x: S.Scalar, y: S.Scalar) => S.Scalar, n: number, lanes: boolean): LoopKernel => {
  const i: I.Axis = { id: 0, extent: lanes ? n : 1 }
  const outer: I.Axis = { id: 1, extent: lanes ? 1 : n }
  const at = I.add(I.ofAxis(i), I.ofAxis(outer))
  const value = f(S.load(0, at, 'f32'), S.load(1, at, 'f32'))
  return {
    kind: 'loop',
    name: 'f',
    buffers: [0, 1, 2].map((b) => ({ dtype: b === 2 ? value.dtype : 'f32', size: n, read: b < 2, write: b === 2 })),
    rows: lanes ? [i] : [outer, i],
    cols: [],
    reductions: [],
    stores: [{ buffer: 2, at, value, scope: 'row', mode: 'set' }],
  }
}

/** Distance to the exact value in units of the last place of the nearest f32 (of the smallest normal one below it). */
export const ulps = (got: number, want: number): number => {
  const near = Math.fround(want)
  if (Object.is(near, got) || near === got) return 0
  if (got === 0 && Math.abs(near) < 1.1754943508222875e-38) return 0 // subnormals may be flushed
  if (Number.isNaN(near) || Number.isNaN(got)) return Number.isNaN(near) && Number.isNaN(got) ? 0 : Infinity
  if (!Number.isFinite(near) || !Number.isFinite(got))
    return Math.abs(want) > 3.4028e38 && Math.abs(got) > 3.4028e38 && Math.sign(want) === Math.sign(got) ? 0 : Infinity
  const unit = 2 ** (Math.floor(Math.log2(Math.max(Math.abs(near), 1.1754943508222875e-38))) - 23)
  return Math.abs(got - want) / unit
}

export const range = (lo: number, hi: number, n = 4001): number[] =>
  Array.from({ length: n }, (_, i) => lo + ((hi - lo) * i) / (n - 1))
/** Magnitudes from tiny to huge, of both signs. */
export const decades = (from: number, to: number, n = 1500): number[] =>
  range(from, to, n).flatMap((p) => [1.37 * 10 ** p, -1.37 * 10 ** p])
export const edges = [
  0,
  -0,
  1,
  -1,
  Infinity,
  -Infinity,
  NaN,
  1e-45,
  -1e-45,
  1.1754943508222875e-38,
  3.4e38,
  -3.4e38,
  0.5,
  -0.5,
]

export const cases: readonly (readonly [S.UnaryOp, number, readonly number[]])[] = [
  ['exp', 2, [...range(-90, 89), ...decades(-30, 3), ...edges, 88.72, 88.73, -103.9, -104.1, -87.4]],
  ['exp2', 2, [...range(-130, 129), ...decades(-30, 3), ...edges, 127.99, 128, -149, -151]],
  ['expm1', 2, [...range(-20, 89), ...range(-1, 1), ...decades(-30, 3), ...edges]],
  ['log', 2, [...range(1e-3, 100), ...range(0.9, 1.1), ...decades(-44, 38), ...edges]],
  ['log2', 2, [...range(1e-3, 100), ...range(0.9, 1.1), ...decades(-44, 38), ...edges]],
  ['log1p', 3, [...range(-0.999, 100), ...range(-0.1, 0.1), ...decades(-44, 38), ...edges]],
  ['sin', 2, [...range(-10, 10), ...range(-1e4, 1e4), ...decades(-30, 38), ...edges]],
  ['cos', 2, [...range(-10, 10), ...range(-1e4, 1e4), ...decades(-30, 38), ...edges]],
  ['tan', 4, [...range(-10, 10), ...range(-1e4, 1e4), ...decades(-30, 38), ...edges]],
  ['tanh', 6, [...range(-12, 12), ...range(-0.1, 0.1), ...decades(-30, 6), ...edges]],
  ['sinh', 4, [...range(-89, 89), ...range(-1, 1), ...decades(-30, 6), ...edges]],
  ['cosh', 4, [...range(-89, 89), ...range(-1, 1), ...decades(-30, 6), ...edges]],
  ['sigmoid', 3, [...range(-80, 80), ...range(-1, 1), ...decades(-30, 6), ...edges]],
  ['erf', 2, [...range(-5, 5), ...range(-0.1, 0.1), ...decades(-30, 6), ...edges]],
  ['rsqrt', 1.5, [...range(1e-3, 100), ...decades(-44, 38), ...edges]],
  ['sqrt', 0.5, [...range(0, 100), ...decades(-44, 38), ...edges]],
  ['reciprocal', 0.5, [...range(-10, 10), ...decades(-37, 37), ...edges]],
  ['round', 0, [...range(-5, 5, 41), ...edges]],
  ['sign', 0, [...range(-5, 5, 41), ...edges]],
]

export const grid = [
  -Infinity,
  -1e30,
  -1000,
  -7,
  -2.5,
  -2,
  -1,
  -0.5,
  -1e-20,
  -0,
  0,
  1e-20,
  0.3,
  0.5,
  1,
  1.5,
  2,
  3,
  10,
  127.5,
  1e5,
  1e30,
  Infinity,
  NaN,
]
export const xs = grid.flatMap((x) => grid.map(() => x))
export const ys = grid.flatMap(() => grid)
export const bases = range(0.01, 40, 3001)
