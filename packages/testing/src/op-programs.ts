/**
 * Random programs over the public operations: a straight line on matrices, as data. What `programs` is to primitives, this
 * is to what users write; both give the same kind of sample.
 */
import fc from 'fast-check'
import {
  add,
  arange,
  broadcastTo,
  concat,
  cond,
  cumprod,
  cumsum,
  diagonal,
  dynamicSlice,
  dynamicUpdateSlice,
  einsum,
  flip,
  foriLoop,
  gelu,
  gt,
  logSoftmax,
  logsumexp,
  lt,
  matmul,
  mean,
  mul,
  outer,
  pad,
  prod,
  repeat,
  reshape,
  roll,
  scalar,
  scan,
  scatterAdd,
  silu,
  sin,
  slice,
  softmax,
  softplus,
  sort,
  sortBy,
  split,
  stack,
  sub,
  sum,
  take,
  takeAlongAxis,
  tanh,
  tensor,
  tile,
  topK,
  transpose,
  tril,
  variance,
  where,
  type Tensor,
} from '@adjoint/tensor'
import { data } from './arbitraries.ts'
import type { RandomProgram } from './programs.ts'

type F32 = Tensor<readonly number[], 'f32'>
/** From [m, n] with m, n > 0 to another such, of the same kind; `k` settles the rest. */
type Step = readonly [name: string, f: (x: F32, k: number) => F32]

const rows = (x: F32): number => x.shape[0]!
const columns = (x: F32): number => x.shape[1]!
const pick = (k: number, n: number): Tensor<readonly [number], 'i32'> => tensor([k % n, (7 * k) % n, 0], 'i32')

/** Incommensurable with most of what programs compute. */
const SPREAD = 0.7071
/** Elements that are hardly ever equal, or so close that rounding or a small step would order them otherwise. */
const apart = (x: F32): F32 => add(tanh(x), reshape(x.shape)(mul(arange(0, rows(x) * columns(x), 1, 'f32'), SPREAD)))
const apartIn = (x: F32): F32 => add(tanh(x), mul(arange(0, columnsOf(x), 1, 'f32'), SPREAD))
const columnsOf = (x: F32): number => x.shape.at(-1)!

/** A row of x, to carry on. */
const row = (x: F32, k: number): F32 => reshape([columns(x)])(slice([k % rows(x), 0], [(k % rows(x)) + 1, null])(x))

const steps: readonly Step[] = [
  ['x sin x', (x) => mul(x, sin(x))],
  ['gelu', (x) => gelu(x)],
  ['silu', (x) => silu(x)],
  ['softplus', (x) => softplus(x)],
  ['softmax of rows', (x) => softmax(-1)(x)],
  ['softmax of columns', (x) => softmax(0)(x)],
  ['logSoftmax', (x) => mul(logSoftmax(-1)(x), 0.3)],
  ['minus logsumexp', (x) => sub(x, logsumexp({ axis: 0, keepDims: true })(x))],
  ['centre', (x) => sub(x, mean({ axis: 1, keepDims: true })(x))],
  ['times row variance', (x) => mul(tanh(x), variance({ axis: -1, keepDims: true })(tanh(x)))],
  ['plus total', (x) => add(x, tanh(sum()(x)))],
  ['plus product', (x) => add(x, prod({ axis: 0, keepDims: true })(tanh(x)))],
  ['x x^T', (x) => mul(matmul(x, tanh(transpose()(x))), 0.2)],
  ['einsum', (x) => mul(einsum('ij,kj->ki')(tanh(x), tanh(x)), 0.3)],
  ['transpose', (x) => transpose()(x)],
  ['flatten', (x) => reshape([1, -1])(x)],
  ['flip', (x, k) => flip(k % 2)(x)],
  ['roll', (x, k) => roll(k, k % 2)(x)],
  ['pad', (x, k) => pad([[k % 2, 1], [0, k % 3]])(x)], // prettier-ignore
  ['slice', (x, k) => slice([k % rows(x), 0], [null, columns(x)])(x)],
  ['tile', (x) => tile([2, 1])(x)],
  ['repeat', (x) => repeat(2, 1)(x)],
  ['concat', (x) => concat(0)([x, tanh(x)])],
  ['stack', (x) => reshape([-1, columns(x)])(stack(1)([x, sin(x)]) as F32)],
  ['split and swap', (x, k) => concat(1)(split([k % columns(x), columns(x) - (k % columns(x))], 1)(x).toReversed())],
  ['take rows', (x, k) => take(0)(x, pick(k, rows(x)))],
  ['take along rows', (x, k) => takeAlongAxis(1)(x, broadcastTo([rows(x), 3])(pick(k, columns(x))))],
  ['scatterAdd', (x, k) => scatterAdd(0)(x, pick(k, rows(x)), take(0)(sin(x), pick(k + 1, rows(x))))],
  [
    'scatterAdd along rows, more than there are',
    (x, k) => {
      const many = 3 * columns(x)
      const ids = tensor(
        Int32Array.from({ length: many }, (_, i) => (i * (k + 1)) % columns(x)),
        [many],
        'i32',
      )
      return mul(scatterAdd(1)(x, ids, tile([1, 3])(sin(x))), 0.4)
    },
  ],
  ['sort', (x, k) => sort(k % 2, { descending: k % 3 === 0 })(apart(x))],
  ['topK', (x, k) => topK(1 + (k % x.shape[k % 2]!), k % 2)(apart(x)).values],
  [
    'sortBy',
    (x, k) => {
      const [keys, moved] = sortBy(k % 2)(apart(x), sin(x))
      return mul(keys, moved)
    },
  ],
  [
    'sort of the carry of a foriLoop',
    (x, k) => foriLoop(1 + (k % 3), (_, c: F32) => mul(sort(k % 2)(apart(c)), 0.5))(x),
  ],
  [
    'scatterAdd in a scan',
    (x, k) => {
      const ids = pick(k, columns(x))
      const each = (c: F32, r: F32): readonly [F32, F32] => {
        const next: F32 = mul(scatterAdd(0)(c, ids, take(0)(sin(r), ids)), 0.5)
        return [next, topK(columns(x))(apartIn(r)).values]
      }
      const [last, all] = scan(each)(row(x, k), x) as readonly [F32, F32]
      return add(all, last)
    },
  ],
  ['dynamicSlice', (x, k) => dynamicSlice([1, columns(x)])(x, [scalar(k % rows(x), 'i32'), 0])],
  [
    'dynamicUpdateSlice',
    (x, k) => dynamicUpdateSlice(x, sin(slice([0, 0], [1, null])(x)), [scalar(k % rows(x), 'i32'), 0]),
  ],
  ['cumsum', (x, k) => mul(cumsum(k % 2)(x), 0.3)],
  ['cumprod', (x) => cumprod(1)(tanh(x))],
  ['diagonal', (x) => outer(diagonal()(x) as Tensor<readonly [number], 'f32'>, tensor([1, -0.5]))],
  ['tril', (x) => tril()(x)],
  [
    'scan over rows',
    (x, k) => {
      const config = { reverse: k % 2 === 1, keep: k % 3 === 0 ? 'carries' : 'values' } as const
      const [last, all] = scan((c: F32, r: F32) => [tanh(add(c, mul(r, sin(c)))), mul(c, r)] as const, config)(
        row(x, k),
        x,
      )
      return add(all, last)
    },
  ],
  ['foriLoop', (x, k) => foriLoop(k % 4, (_, c: F32) => tanh(add(sin(c), mul(x, 0.5))))(x)],
  [
    'foriLoop of updates',
    (x, k) =>
      foriLoop(Math.min(rows(x), k), (i, c: F32) => dynamicUpdateSlice(c, sin(slice([0, 0], [1, null])(c)), [i, 0]))(x),
  ],
  [
    'scan in a foriLoop',
    (x, k) =>
      foriLoop(1 + (k % 3), (i, c: F32) => {
        const [, all] = scan((s: F32, r: F32) => [mul(add(s, r), 0.5), sin(mul(s, r))] as const)(row(x, k), c)
        return cond(
          gt(i, 0),
          (a: F32) => tanh(a),
          (a: F32) => add(a, c),
        )(all)
      })(x),
  ],
  [
    'cond',
    (x, k) =>
      cond(
        gt(scalar(k % 2, 'i32'), 0),
        (a: F32) => sin(a),
        (a: F32) => mul(tanh(a), a),
      )(x),
  ],
  ['where by row', (x) => where(lt(reshape([-1, 1])(arange(rows(x))), 1), x, sin(x))],
]

const LARGEST = 200

export const opPrograms = ({ maxSteps = 5 }: { readonly maxSteps?: number } = {}): fc.Arbitrary<RandomProgram> =>
  fc
    .record({
      shape: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
      chosen: fc.array(fc.tuple(fc.nat(steps.length - 1), fc.nat(30)), { minLength: 1, maxLength: maxSteps }),
    })
    .chain(({ shape, chosen }) =>
      data(shape).map((x) => ({
        inputs: [x],
        steps: chosen.map(([op, detail]) => ({ op, x: 0, y: 0, detail, name: steps[op]![0] })),
        build: ([input]) => {
          let y = input as F32
          for (const [op, k] of chosen) {
            const next = steps[op]![1](y, k)
            if (rows(next) * columns(next) <= LARGEST) y = next
          }
          return [y]
        },
      })),
    )
