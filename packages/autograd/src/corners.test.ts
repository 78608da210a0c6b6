// Values and derivatives where formulas break: at 0, at ties, at infinities and NaN, beyond an axis. Each on every device, as
// constants, as arguments of a compiled program, and under vmap; the numbers are those of mathematics, or of JAX where
// mathematics has none.
import {
  add,
  cumprod,
  dynamicSlice,
  dynamicUpdateSlice,
  jit,
  logSoftmax,
  logsumexp,
  max,
  min,
  mul,
  oneHot,
  prod,
  readAsync,
  scatterAdd,
  slice,
  softmax,
  stack,
  std,
  sum,
  take,
  takeAlongAxis,
  tensor,
  variance,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import { typed, type Expr } from '@adjoint/tensor/ir'
import { close, presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { grad } from './grad.ts'
import { vmap } from './vmap.ts'

type Shape = readonly number[]
type F32 = Tensor<Shape, 'f32'>
type I32 = Tensor<Shape, 'i32'>
type Corner = readonly [name: string, args: readonly Tensor[], f: (...args: readonly never[]) => Expr, want: Shape]
const inf = Infinity
const nan = NaN

/** The gradient of the sum of f. */
const slope =
  (f: (x: F32) => Expr) =>
  (x: F32): F32 =>
    grad((v: F32) => sum()(typed(f(v))) as Scalar)(x)
/** The derivative of the gradient's first elements along the weights 1, 2, 3, ...: a second derivative of every kind at once. */
const bend = (f: (x: F32) => Expr): ((x: F32) => F32) =>
  slope((x) => {
    const g = slope(f)(x)
    const weights = tensor(
      Float32Array.from({ length: g.shape.reduce((p, q) => p * q, 1) }, (_, i) => i + 1),
      g.shape,
    )
    return mul(g, weights)
  })

const x3 = tensor([10, 20, 30]) as F32
const rows = tensor([
  [1, 2],
  [3, 4],
  [5, 6],
]) as F32
const at = (...positions: Shape): I32 => tensor(Int32Array.from(positions), [positions.length])
const start = (p: number): I32 => add(tensor(Int32Array.of(p), [], 'i32'), 0)
/** Positions that the host does not know. */
const outside: I32 = add(at(-4, -3, -1, 2, 3), 0)
const far: I32 = add(at(-(2 ** 31), 2 ** 31 - 1, 1), 0)
const five = tensor([1, 2, 4, 8, 16]) as F32

const corners: readonly Corner[] = [
  ['std of equal numbers', [tensor([2, 2, 2, 2])], slope(std()), [0, 0, 0, 0]],
  ['std of one number', [tensor([7])], slope(std()), [0]],
  [
    'std of rows, one of them equal',
    [
      tensor([
        [1, 1],
        [0, 2],
      ]),
    ],
    slope(std({ axis: 1 })),
    [0, 0, -0.5, 0.5],
  ],
  ['second derivatives of std of equal numbers', [tensor([2, 2, 2])], bend(std()), [0, 0, 0]],
  ['variance about a large mean', [tensor([1e6, 1e6 + 1, 1e6 + 2])], variance(), [2 / 3]],
  ['prod with zeros and large factors', [tensor([1e13, 0, 0, 1e13, 1e13, 0])], prod(), [0]],
  ['prod whose parts overflow', [tensor([1e30, 1e30, 0, 1e30, 1e30, 1e30])], prod(), [0]],
  ['prod of infinity and 0', [tensor([inf, 0, 1])], prod(), [nan]],
  [
    'gradient of prod with zeros and large factors',
    [tensor([1e13, 0, 0, 1e13, 1e13, 0])],
    slope(prod()),
    [0, 0, 0, 0, 0, 0],
  ],
  ['gradient of prod with one zero', [tensor([2, 0, 3, 5])], slope(prod()), [0, 30, 0, 0]],
  [
    'gradient of prod whose parts leave the range',
    [tensor([1e-30, 1e-30, 4, 1e30, 1e30])],
    slope(prod()),
    [4e30, 4e30, 1, 4e-30, 4e-30],
  ],
  ['second derivatives of prod at zeros', [tensor([0, 0, 3])], bend(prod()), [6, 3, 0]],
  ['second derivatives of prod at zeros, large', [tensor([0, 0, 0, 1e13, 1e13, 1])], bend(prod()), [0, 0, 0, 0, 0, 0]],
  ['cumprod whose parts overflow', [tensor([0, 1e30, 1e30, 1e30, 1])], cumprod(0), [0, 0, 0, 0, 0]],
  ['cumprod down and up again', [tensor([1e-30, 1e-30, 1e30, 1e30, 3])], cumprod(0), [1e-30, 0, 1e-30, 1, 3]],
  [
    'cumprod of integers in f32',
    [tensor([1, 2, 3, 4, 5, 6, 7])],
    cumprod(0, { reverse: true }),
    [5040, 5040, 2520, 840, 210, 42, 7],
  ],
  ['gradient of cumprod at 0', [tensor([2, 0, 5])], slope(cumprod(0)), [1, 12, 0]],
  [
    'gradient of cumprod at 0 with large factors',
    [tensor([0, 0, 1e13, 1e13])],
    slope((x) => slice([2], [4])(cumprod(0)(x))),
    [0, 0, 0, 0],
  ],
  ['max shares among equals', [tensor([1, 3, 3, 2])], slope(max()), [0, 0.5, 0.5, 0]],
  ['max of -infinity alone', [tensor([-inf, -inf])], slope(max()), [0.5, 0.5]],
  ['min through NaN', [tensor([1, nan, 0, nan])], slope(min()), [0, 0.5, 0, 0.5]],
  ['second derivatives of max through NaN', [tensor([1, nan])], bend(max()), [0, 0]],
  [
    'logsumexp of -infinity',
    [
      tensor([
        [-inf, -inf],
        [0, -inf],
      ]),
    ],
    logsumexp({ axis: 1 }),
    [-inf, 0],
  ],
  [
    'logsumexp with infinity',
    [
      tensor([
        [inf, 0],
        [inf, -inf],
      ]),
    ],
    logsumexp({ axis: 1 }),
    [inf, inf],
  ],
  [
    'gradient of logsumexp of -infinity',
    [
      tensor([
        [-inf, -inf],
        [0, -inf],
      ]),
    ],
    slope(logsumexp({ axis: 1 })),
    [0, 0, 1, 0],
  ],
  [
    'second derivatives of logsumexp of -infinity',
    [
      tensor([
        [-inf, -inf],
        [0, -inf],
      ]),
    ],
    bend(logsumexp({ axis: 1 })),
    [0, 0, 0, 0],
  ],
  ['gradient of logsumexp over nothing', [tensor([-inf])], slope(logsumexp({ axis: [] })), [0]],
  ['softmax of -infinity', [tensor([-inf, -inf])], softmax(-1), [nan, nan]],
  [
    'hidden softmax',
    [
      tensor([
        [1, 1, nan],
        [2, 3, inf],
      ]),
      tensor([
        [true, true, false],
        [false, false, false],
      ]),
    ],
    (x: F32, seen: Tensor<Shape, 'bool'>) => softmax(-1, { where: seen })(x),
    [0.5, 0.5, 0, 0, 0, 0],
  ],
  [
    'gradient of hidden softmax',
    [
      tensor([
        [1, 1, nan],
        [-300, 3, inf],
      ]),
      tensor([
        [true, true, false],
        [false, false, false],
      ]),
    ],
    (x: F32, seen: Tensor<Shape, 'bool'>) => slope((v) => mul(softmax(-1, { where: seen })(v), tensor([1, 3, 5])))(x),
    [-0.5, 0.5, 0, 0, 0, 0],
  ],
  [
    'hidden logSoftmax',
    [
      tensor([
        [0, 0, nan],
        [2, 3, inf],
      ]),
      tensor([
        [true, true, false],
        [false, false, false],
      ]),
    ],
    (x: F32, seen: Tensor<Shape, 'bool'>) => logSoftmax(-1, { where: seen })(x),
    [-Math.LN2, -Math.LN2, -inf, -inf, -inf, -inf],
  ],
  ['take outside', [x3, outside], take(0), [nan, 10, 30, 30, nan]],
  ['take far outside', [x3, far], take(0), [nan, nan, 20]],
  [
    'take of a constant outside',
    [tensor([1, 1, 1]), outside],
    (_: F32, i: I32) => take(0)(tensor([1, 1, 1]), i),
    [nan, 1, 1, 1, nan],
  ],
  ['take of integers outside', [at(10, 20, 30), outside], take(0), [-(2 ** 31), 10, 30, 30, -(2 ** 31)]],
  ['take of rows outside', [rows, add(at(3, 0), 0)], take(0), [nan, nan, 1, 2]],
  [
    'take beyond the columns, u32',
    [rows, add(tensor(Uint32Array.of(1, 2 ** 31, 2 ** 32 - 1), [3]), 0)],
    take(1),
    [2, nan, nan, 4, nan, nan, 6, nan, nan],
  ],
  [
    'gradient of take outside',
    [x3, outside],
    (x: F32, i: I32) => slope((v) => mul(take(0)(v, i), five))(x),
    [2, 0, 12],
  ],
  ['takeAlongAxis outside', [rows, add(tensor([[2], [-1], [-3]], 'i32'), 0)], takeAlongAxis(1), [nan, 4, nan]],
  [
    'gradient of takeAlongAxis outside',
    [rows, add(tensor([[2], [-1], [1]], 'i32'), 0)],
    (x: F32, i: I32) => slope((v) => takeAlongAxis(1)(v, i))(x),
    [0, 0, 0, 1, 0, 1],
  ],
  [
    'gradient of takeAlongAxis outside, twice a row',
    [
      rows,
      add(
        tensor(
          [
            [2, 0],
            [-1, 1],
            [1, 0],
          ],
          'i32',
        ),
        0,
      ),
    ],
    (x: F32, i: I32) => slope((v) => takeAlongAxis(1)(v, i))(x),
    [1, 0, 0, 2, 1, 1],
  ],
  ['scatterAdd outside', [x3, outside, five], scatterAdd(0), [12, 20, 42]],
  [
    'gradient of scatterAdd outside',
    [x3, outside, five],
    (x: F32, i: I32, u: F32) => slope((v) => mul(scatterAdd(0)(x, i, v), x3))(u),
    [0, 10, 30, 30, 0],
  ],
  ['dynamicSlice outside', [x3, start(9)], (x: F32, i: I32) => dynamicSlice([2])(x, [i as never]), [20, 30]],
  ['dynamicSlice from the end', [x3, start(-3)], (x: F32, i: I32) => dynamicSlice([2])(x, [i as never]), [10, 20]],
  [
    'gradient of dynamicSlice outside',
    [x3, start(-1)],
    (x: F32, i: I32) => slope((v) => dynamicSlice([2])(v, [i as never]))(x),
    [0, 1, 1],
  ],
  [
    'dynamicUpdateSlice outside',
    [x3, start(-1)],
    (x: F32, i: I32) => dynamicUpdateSlice(x, tensor([1, 2]), [i as never]),
    [10, 1, 2],
  ],
  [
    'dynamicUpdateSlice far outside',
    [x3, start(-7)],
    (x: F32, i: I32) => dynamicUpdateSlice(x, tensor([1, 2]), [i as never]),
    [1, 2, 30],
  ],
  ['oneHot outside', [outside], oneHot(3), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]],
]

describe.each((await presentDevices()).map((device) => [device.kind, device] as const))(
  'corners on %s',
  (_, device) => {
    const expectValues = (name: string, actual: ArrayLike<number>, wanted: Shape): void => {
      const same = (v: number, w: number): boolean =>
        close(v, w, { relative: 1e-5, absolute: Math.abs(w) < 1e-3 ? 1e-35 : 1e-6 })
      expect(actual.length, name).toBe(wanted.length)
      wanted.forEach((w, i) =>
        expect(same(actual[i]!, Math.fround(w)), `${name}: [${Array.from(actual).join(', ')}]`).toBe(true),
      )
    }
    it.each(corners)('%s', async (_name, args, given, want) => {
      const f = given as unknown as (...xs: readonly Tensor[]) => Tensor
      expectValues('of constants', await readAsync(f(...args), device), want)
      const vmapped = vmap(f)
      const compiled = jit((...xs: readonly Tensor[]) => f(...xs), { device })
      expectValues('compiled', await readAsync(compiled(...args)), want)
      const twice = args.map((x): Tensor => stack(0)([x, x]))
      const mapped = jit((...xs: readonly Tensor[]) => vmapped(...xs), { device })
      expectValues('mapped', await readAsync(mapped(...twice)), [...want, ...want])
    })
  },
)
