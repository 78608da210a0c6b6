/**
 * Random programs of loops: loops in a row and inside one another, whose carries are swapped, updated, left alone and dropped;
 * which keep what a round computes, several at once, as it is, as products or sums of it, beside what they kept before; whose bodies read what is computed outside; that go round a number of times or as long as a flag says so, which may
 * be never. Arguments are donated at random, and results asked for twice. `meaningOfLoops` says what such a program gives.
 */
import {
  add,
  dynamicSlice,
  dynamicUpdateSlice,
  expandDims,
  lt,
  matmul,
  mean,
  minimum,
  mul,
  sub,
  sum,
  tanh,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from '@adjoint/tensor'
import { evaluate, loop, trace, typed, type Expr } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { operations } from './updates.ts'

type F32 = Tensor<readonly number[], 'f32'>
type I32 = Tensor<readonly [], 'i32'>

interface Line {
  readonly op: number
  readonly x: number
  readonly y: number
  readonly k: number
}
interface Rounds {
  /** Which values the carries start from. */
  readonly from: readonly number[]
  readonly body: readonly LoopStep[]
  /** Which values they become in a round. */
  readonly next: readonly number[]
  readonly trips: number
  /** Whether a flag ends it: at `trips`, or at the row that the device knows where that is less. */
  readonly flagged: boolean
  /** The most rounds, whatever the flag says. */
  readonly most: number | null
  /** What is kept of each round, one above the other. */
  readonly kept: readonly Kept[]
}
/** A value of a round, written into a row of a stack. */
interface Kept {
  readonly value: number
  readonly how: number
  /** Whether the first round writes the last row. */
  readonly backward: boolean
}
type LoopStep = Line | Rounds

export interface LoopProgram {
  readonly shape: readonly [number, number]
  readonly inputs: readonly (readonly number[])[]
  readonly row: number
  readonly steps: readonly LoopStep[]
  readonly wanted: readonly number[]
  readonly donated: readonly boolean[]
}

/** Products grow without bound when they are repeated. */
const bounded: typeof operations = [
  ...operations.filter(([name]) => name !== 'matmul'),
  ['product', (x, y) => tanh(matmul(x, matmul(transpose()(y), x)))],
  ['norm', (x, y) => add(sub(x, mean({ axis: 1, keepDims: true })(x)), mul(y, 0.5))],
]

/** What is written of a value into a row of a stack, which may look at what the stack holds. */
const ways: readonly (readonly [string, (x: F32, stack: F32, i: I32) => F32])[] = [
  ['as it is', (x) => x],
  ['tanh', (x) => tanh(x)],
  ['product', (x) => tanh(matmul(x, matmul(transpose()(x), x)))],
  ['sums of rows', (x) => sum({ axis: 1, keepDims: true })(tanh(x))],
  ['sums of columns', (x) => sum({ axis: 0, keepDims: true })(tanh(x))],
  ['centred', (x) => sub(x, mean({ axis: 1, keepDims: true })(x))],
  ['with what lies before', (x, stack, i) => mul(add(x, sum({ axis: 0 })(dynamicSlice([1, ...x.shape])(stack, [sub(i, 1) as never, 0, 0]))), 0.5)],
  ['with all that was kept', (x, stack) => tanh(add(x, sum({ axis: 0 })(stack)))],
] // prettier-ignore

const line: fc.Arbitrary<Line> = fc.record({
  op: fc.nat(bounded.length - 1),
  x: fc.nat(40),
  y: fc.nat(40),
  k: fc.nat(11),
})
const steps = (depth: number, length: number): fc.Arbitrary<readonly LoopStep[]> =>
  fc.array<LoopStep>(
    depth === 0 ? line : fc.oneof({ weight: 2, arbitrary: line }, { weight: 1, arbitrary: rounds(depth) }),
    {
      minLength: 1,
      maxLength: length,
    },
  )
const rounds = (depth: number): fc.Arbitrary<Rounds> =>
  fc.integer({ min: 1, max: 3 }).chain((carries) =>
    fc.record({
      from: fc.array(fc.nat(40), { minLength: carries, maxLength: carries }),
      body: steps(depth - 1, 3),
      next: fc.array(fc.nat(40), { minLength: carries, maxLength: carries }),
      trips: fc.nat(4),
      flagged: fc.boolean(),
      most: fc.option(fc.nat(4)),
      kept: fc.array(fc.record({ value: fc.nat(40), how: fc.nat(ways.length - 1), backward: fc.boolean() }), {
        maxLength: 3,
      }),
    }),
  )

export const loopPrograms = ({ depth = 2 }: { readonly depth?: number } = {}): fc.Arbitrary<LoopProgram> =>
  fc
    .record({
      shape: fc.constantFrom<readonly [number, number]>([3, 4], [4, 4], [1, 5], [5, 1], [7, 9]),
      count: fc.integer({ min: 1, max: 3 }),
    })
    .chain(({ shape, count }) => {
      const n = shape[0] * shape[1]
      const elements = fc.array(
        fc.integer({ min: -64, max: 64 }).map((m) => m / 32),
        { minLength: n, maxLength: n },
      )
      return fc.record({
        shape: fc.constant(shape),
        inputs: fc.array(elements, { minLength: count, maxLength: count }),
        row: fc.nat(shape[0]),
        steps: fc
          .tuple(steps(depth, 3), rounds(depth), steps(depth - 1, 2))
          .map(([before, first, after]) => [...before, first, ...after]),
        wanted: fc.array(fc.nat(40), { minLength: 1, maxLength: 4 }),
        donated: fc.array(fc.boolean(), { minLength: count, maxLength: count }),
      })
    })

const f32 = (x: Expr): F32 => typed<readonly number[], 'f32'>(x)
const i32 = (x: Expr): I32 => typed<readonly [], 'i32'>(x)
const scalar = (v: number): I32 => tensor(Int32Array.of(v), [], 'i32')
const from = <T>(values: readonly T[], n: number): T => values[values.length - 1 - (n % values.length)]!

const run = (program: readonly LoopStep[], given: readonly F32[], row: I32): readonly F32[] => {
  const values = [...given]
  for (const step of program)
    if ('op' in step) {
      const { op, x, y, k } = step
      values.push(bounded[op]![1](from(values, x), from(values, y), k, row))
    } else values.push(...goRound(step, values, row))
  return values
}

/** The carries after the rounds, and the sums of what was kept. */
const goRound = (
  { from: starts, body, next, trips, flagged, most, kept }: Rounds,
  outer: readonly F32[],
  row: I32,
): readonly F32[] => {
  const first = starts.map((n) => from(outer, n))
  const shape = first[0]!.shape
  const n = Math.max(1, trips)
  const empty = (how: number): F32 => {
    const [, way] = ways[how]!
    return zeros([n, ...way(first[0]!, zeros([n, ...shape]), scalar(0)).shape])
  }
  const goesOn = (i: I32): Expr => (trips === 0 ? lt(row, scalar(0)) : lt(i, minimumOf(row, trips)))
  const start: readonly Expr[] = [
    ...first,
    ...kept.map(({ how }) => empty(how)),
    scalar(0),
    ...(flagged ? [goesOn(scalar(0))] : []),
  ]
  const { graph, operands } = trace(
    'loop',
    (carries) => {
      const own = carries.slice(0, first.length).map(f32)
      const stacks = carries.slice(first.length, first.length + kept.length).map(f32)
      const i = i32(carries[first.length + kept.length]!)
      const values = run(body, [...outer, ...own], i)
      const after = add(i, scalar(1))
      return [
        ...next.map((n) => from(values, n)),
        ...kept.map(({ value, how, backward }, k) => {
          const row = backward ? sub(scalar(n - 1), i) : i
          const written = ways[how]![1](from(values, value), stacks[k]!, row)
          return dynamicUpdateSlice(stacks[k]!, expandDims(0)(written), [row as never, 0, 0])
        }),
        after,
        ...(flagged ? [goesOn(after)] : []),
      ]
    },
    start,
  )
  const results = loop(graph, operands.length, flagged ? (most === null ? null : { atMost: most }) : trips, [
    ...operands,
    ...start,
  ])
  // Each row counts for another share of the sum, so that it matters which row is which.
  const shares = tensor(
    Float32Array.from({ length: n }, (_, i) => (i + 1) / (2 * n)),
    [n, 1, 1],
  )
  const sums = results
    .slice(first.length, first.length + kept.length)
    .map((stack) => add(zeros(shape), sum({ axis: 0 })(mul(f32(stack), shares))))
  return [...results.slice(0, first.length).map(f32), ...sums]
}
/** The lesser of a row that the device knows, and a number of rounds. */
const minimumOf = (row: I32, trips: number): I32 => minimum(row, scalar(trips))

/** The program as a function of its arguments and of the row. */
export const buildLoops =
  ({ steps: program, wanted }: LoopProgram) =>
  (xs: readonly F32[], row: I32): readonly F32[] => {
    const values = run(program, xs, row)
    return wanted.map((n) => from(values, n))
  }

/** What it gives, in double precision. */
export const meaningOfLoops = (program: LoopProgram): readonly Float64Array[] => {
  const xs = program.inputs.map((x) => tensor(Float32Array.from(x), program.shape))
  return evaluate(buildLoops(program)(xs, scalar(program.row))).map((v) => v.data)
}

/** The steps, for a counterexample. */
export const describeLoops = ({ steps: program }: LoopProgram): string => {
  const lines = (all: readonly LoopStep[], indent: string): readonly string[] =>
    all.flatMap((s) =>
      'op' in s
        ? [`${indent}${bounded[s.op]![0]}(${s.x}, ${s.y}; ${s.k})`]
        : [
            `${indent}${s.flagged ? `while below ${s.trips}, at most ${s.most ?? 'ever'}` : `for ${s.trips}`}: from ${s.from.join()} next ${s.next.join()}${s.kept.map(({ value, how, backward }) => `; kept ${value} ${ways[how]![0]}${backward ? ', the last first' : ''}`).join('')}`,
            ...lines(s.body, `${indent}  `),
          ],
    )
  return lines(program, '  ').join('\n')
}
