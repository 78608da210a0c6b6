/**
 * Random programs that write: updates, scatters, rolls, scans, sorts, loops of these and loops of loops, over a few arrays of one shape, so that nearly every
 * value could take the memory of another; with arguments donated at random, results asked for twice, arguments that are
 * results, values differentiated, and steps that feed their results back. What such a program computes must not depend on
 * any of that: `playUpdates` says what it should give, in double precision.
 */
import { grad, vmap } from '@adjoint/autograd'
import {
  add,
  concat,
  cond,
  cumsum,
  dynamicSlice,
  dynamicUpdateSlice,
  flip,
  foriLoop,
  gt,
  lt,
  matmul,
  minimum,
  mul,
  reshape,
  roll,
  scan,
  scatterAdd,
  slice,
  softmax,
  sort,
  stack,
  stopGradient,
  sub,
  sum,
  take,
  tanh,
  type Tensor,
  tensor,
  topK,
  transpose,
  where,
  whileLoop,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'

type F32 = Tensor<readonly number[], 'f32'>
type I32 = Tensor<readonly number[], 'i32'>

interface Step {
  readonly op: number
  readonly x: number
  readonly y: number
  readonly k: number
}
export interface UpdateProgram {
  readonly shape: readonly [number, number]
  /** Elements of each argument. */
  readonly inputs: readonly (readonly number[])[]
  /** A row that only the device knows. */
  readonly row: number
  readonly steps: readonly Step[]
  /** Which values are results, from the last back; arguments are among them. */
  readonly wanted: readonly number[]
  readonly donated: readonly boolean[]
  /** How it is run: compiled or not, and whether the gradients of a sum of the results are results too. */
  readonly compiled: boolean
  readonly differentiated: boolean
  /** Whether these gradients are those of a batch of two, whose members have rows of their own. */
  readonly mapped: boolean
  /** How often the results become the arguments of another call, where there are as many of them. */
  readonly repeated: number
}

/** Every operation keeps the shape [m, n], and values within a few units of zero. */
type Operation = (x: F32, y: F32, k: number, row: I32) => F32
const rows = (x: F32): number => x.shape[0]!
const columns = (x: F32): number => x.shape[1]!
const ids = (k: number, n: number): Tensor<readonly [number], 'i32'> => tensor([k % n, (k + 1) % n, (3 * k) % n], 'i32')
/** A block of y, at least an element, up to everything but a row. */
const block = (y: F32, k: number): F32 => slice([k % rows(y), 0], [null, 1 + (k % columns(y))])(y)
/** x with `update` as near to a place that the host knows as it fits. */
const updateAt = (x: F32, update: F32, place: readonly number[]): F32 =>
  dynamicUpdateSlice(
    x,
    update,
    place.map((p, i) => Math.min(p, x.shape[i]! - update.shape[i]!)),
  )

/** Named; each a function of two values, a small number, and a row that only the device knows. */
const plain: readonly (readonly [string, Operation])[] = [
  ['add', (x, y) => mul(add(x, y), 0.5)],
  ['tanh', (x) => tanh(x)],
  ['mul', (x, y) => mul(tanh(x), y)],
  ['roll', (x, _, k) => roll(1 + k, k % 2)(x)],
  ['flip', (x, _, k) => flip(k % 2)(x)],
  ['cumsum', (x, _, k) => mul(cumsum(k % 2, { reverse: k % 3 === 0 })(tanh(x)), 0.4)],
  ['sort', (x, _, k) => sort(k % 2)(stopGradient(x))],
  ['topK', (x, _, k) => topK(x.shape[k % 2]!, k % 2)(stopGradient(x)).values],
  ['softmax', (x, y, k) => add(softmax(k % 2)(x), mul(y, 0.5))],
  ['centre', (x) => sub(x, mul(sum()(tanh(x)), 0.1))],
  ['update at a known place', (x, y, k) => updateAt(x, block(y, k), [k % 3, k % 2])],
  ['update at a row of the device', (x, y, k, row) => dynamicUpdateSlice(x, block(tanh(y), k), [row as never, 0])],
  ['shift by an update', (x) => updateAt(x, slice([0, 0], [null, Math.max(1, columns(x) - 1)])(x), [0, 1])],
  ['update what was sliced', (x, y, _, row) => dynamicUpdateSlice(x, mul(dynamicSlice([1, columns(x)])(y, [row as never, 0]), 0.5), [row as never, 0])], // prettier-ignore
  ['scatterAdd', (x, y, k) => mul(scatterAdd(0)(x, ids(k, rows(x)), take(0)(tanh(y), ids(k + 1, rows(y)))), 0.7)],
  [
    'scatterAdd along rows',
    (x, y, k) => mul(scatterAdd(1)(x, ids(k, columns(x)), take(1)(y, ids(2 * k, columns(y)))), 0.4),
  ],
  ['scatterAdd of its own rows', (x, _, k) => mul(scatterAdd(0)(x, ids(k, rows(x)), take(0)(x, ids(k, rows(x)))), 0.3)],
  ['take', (x, _, k) => concat(0)([take(0)(x, tensor([k % rows(x)], 'i32')), slice([1, 0], [null, null])(x)])],
  ['matmul', (x, y) => mul(matmul(matmul(x, transpose()(y)), x), 0.1)],
  ['where', (x, y) => where(lt(stopGradient(x), 0), y, x)],
  ['scramble', (x) => reshape([rows(x), columns(x)])(transpose()(x))],
]

/** Loops inside of loops, no deeper than this. */
const DEEPEST = 3
/** An operation for a body, another for every k and depth; of those of control flow too, until it is deep. */
const within = (k: number, depth: number): Operation => {
  const all = depth < DEEPEST ? [...plain, ...controlAt(depth)] : plain
  return all[(7 * k + 5 * depth) % all.length]![1]
}
/** A row of y that is small, to carry on. */
const rowOf = (y: F32, k: number): F32 =>
  reshape([columns(y)])(slice([k % rows(y), 0], [(k % rows(y)) + 1, null])(tanh(y)))

/** Control flow whose bodies are operations, `depth` loops inside of others. */
const controlAt = (depth: number): readonly (readonly [string, Operation])[] => {
  const inner = (k: number): Operation => within(k, depth + 1)
  return [
    ['foriLoop', (x, y, k, row) => foriLoop(k % 4, (_, c: F32) => tanh(inner(k)(c, y, k, row)))(x)],
    [
      'foriLoop that keeps carries',
      (x, y, k, row) => foriLoop(1 + (k % 3), (_, c: F32) => tanh(inner(k + 1)(c, y, k, row)), { keep: 'carries' })(x),
    ],
    [
      'foriLoop whose carries change places',
      (x, y, k, row) => {
        const round = (_: unknown, [a, b]: readonly [F32, F32]) => [b, mul(inner(k)(tanh(a), b, k, row), 0.5)] as const
        const [a, b] = foriLoop(1 + (k % 4), round)([x, y])
        return mul(add(a, b), 0.5)
      },
    ],
    [
      'foriLoop of updates at its counter',
      (x, y, k) =>
        foriLoop(Math.min(rows(x), 1 + (k % 4)), (i, c: F32) =>
          dynamicUpdateSlice(c, block(tanh(add(c, y)), k), [i, 0]),
        )(x),
    ],
    [
      'scan over rows',
      (x, y, k) => {
        const config = { reverse: k % 2 === 1, keep: k % 3 === 0 ? 'carries' : 'values' } as const
        const [last, all] = scan((c: F32, r: F32) => [tanh(add(c, r)), mul(c, r)] as const, config)(rowOf(y, k), x)
        return add(all, last)
      },
    ],
    [
      'scan that closes over what it scans',
      (x, y, k, row) =>
        scan((c: F32, r: F32) => [mul(inner(k)(tanh(add(c, r)), y, k, row), 0.5), sum({ axis: 0 })(c)] as const)(
          x,
          y,
        )[1],
    ],
    [
      'whileLoop as often as the device says',
      (x, y, k, row) =>
        stopGradient(
          whileLoop(
            ([i]: readonly [I32, F32]) => lt(i, row as never) as never,
            ([i, c]) => [add(i, 1), tanh(inner(k)(c, stopGradient(y), k, row))] as const,
          )([tensor(Int32Array.of(k % 3), [], 'i32') as I32, stopGradient(x)])[1],
        ),
    ],
    [
      'cond',
      (x, y, k, row) =>
        cond(
          gt(row, k % 3) as never,
          (a: F32, b: F32) => inner(k)(a, b, k, row),
          (a: F32) => mul(a, 0.5),
        )(x, y),
    ],
  ]
}
/** All of them; control flow twice as likely as the rest. */
export const operations: readonly (readonly [string, Operation])[] = [...plain, ...controlAt(0), ...controlAt(0)]

const step: fc.Arbitrary<Step> = fc.record({
  op: fc.nat(operations.length - 1),
  x: fc.nat(40),
  y: fc.nat(40),
  k: fc.nat(11),
})

export const updatePrograms = ({ maxSteps = 8 }: { readonly maxSteps?: number } = {}): fc.Arbitrary<UpdateProgram> =>
  fc
    .record({
      shape: fc.constantFrom<readonly [number, number]>([3, 4], [4, 4], [1, 5], [5, 1], [7, 9], [2, 17]),
      count: fc.integer({ min: 1, max: 3 }),
    })
    .chain(({ shape, count }) => {
      const elements = fc.array(
        fc.integer({ min: -64, max: 64 }).map((n) => n / 32),
        {
          minLength: shape[0] * shape[1],
          maxLength: shape[0] * shape[1],
        },
      )
      return fc.record({
        shape: fc.constant(shape),
        inputs: fc.array(elements, { minLength: count, maxLength: count }),
        row: fc.nat(shape[0]),
        steps: fc.array(step, { minLength: 1, maxLength: maxSteps }),
        wanted: fc.array(fc.nat(40), { minLength: 1, maxLength: 4 }),
        donated: fc.array(fc.boolean(), { minLength: count, maxLength: count }),
        compiled: fc.boolean(),
        differentiated: fc.boolean(),
        mapped: fc.boolean(),
        repeated: fc.nat(2),
      })
    })

/** The program as a function: results, then the gradients for each argument where these are asked for. */
export const buildUpdates =
  ({ steps, wanted, differentiated, mapped }: UpdateProgram) =>
  (xs: readonly F32[], row: I32): readonly F32[] => {
    const results = (args: readonly F32[], at: I32): readonly F32[] => {
      const values = [...args]
      const pick = (n: number): F32 => values[values.length - 1 - (n % values.length)]!
      for (const { op, x, y, k } of steps) values.push(operations[op]![1](pick(x), pick(y), k, at))
      return wanted.map(pick)
    }
    if (!differentiated) return results(xs, row)
    const loss = (args: readonly F32[], at: I32) =>
      results(args, at)
        .map((y) => sum()(mul(tanh(y), y)))
        .reduce((a, b) => add(a, b))
    if (!mapped) return [...results(xs, row), ...grad(loss)(xs, row)]
    const two = xs.map((x): F32 => stack(0)([x, mul(x, 0.5)]))
    const slopes = vmap(grad(loss))(two, stack(0)([row, minimum(row, 1)]))
    return [...results(xs, row), ...slopes.map((g): F32 => sum({ axis: 0 })(g))]
  }

/** The names of the steps, for a counterexample. */
export const describeUpdates = (program: UpdateProgram): string =>
  (program.mapped ? 'mapped: ' : '') +
  program.steps.map(({ op, x, y, k }) => `${operations[op]![0]}(${x}, ${y}; ${k})`).join(' | ')

/** Whether the results can be the arguments of the next call. */
export const feedsBack = ({ inputs, wanted, differentiated }: UpdateProgram): boolean =>
  inputs.length === wanted.length && !differentiated

/** What every call gives, one after another, in double precision. */
export const playUpdates = (program: UpdateProgram): readonly (readonly Float64Array[])[] => {
  const { shape, inputs, row, repeated } = program
  const f = buildUpdates(program)
  const at = tensor(Int32Array.of(row), [], 'i32') as I32
  const calls: (readonly Float64Array[])[] = []
  let args: readonly F32[] = inputs.map((x) => tensor(Float32Array.from(x), shape))
  for (let call = 0; call <= (feedsBack(program) ? repeated : 0); call++) {
    args = f(args, at)
    calls.push(evaluate(args).map((v) => v.data))
  }
  return calls
}
