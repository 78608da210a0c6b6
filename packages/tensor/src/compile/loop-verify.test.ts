/** Loops that are planned wrongly in one way each: what verifies a program must see it. */
import { describe, expect, it } from 'vitest'
import { loop } from '../graph/loop.ts'
import type { Expr } from '../graph/expr.ts'
import { trace } from '../graph/graph.ts'
import * as p from '../primitives/index.ts'
import { assemble } from './assemble.ts'
import { host } from './capabilities.support.ts'
import { plan } from './plan.ts'
import { prepare } from './prepare.ts'
import type { Program, Step } from '../loops/program.ts'
import type { Stage } from './stage.ts'
import { StageError } from './fault.ts'
import { type Level, verifyProgram } from './verify.ts'

const f32 = (...shape: number[]): Expr => p.parameter({ shape, dtype: 'f32' })
const zero = p.fill([], 'i32', 0)
const next = (i: Expr): Expr => p.add(i, p.fillLike(i, 1))

/** Running sums of x w plus x, turned round: a round works in scratch, and copies the carry home; and a counter and a flag. */
const [x, w] = [f32(64), f32(64)]
const body = trace(
  'loop',
  ([c, i]) => [p.flip(p.add(p.cumsum(p.mul(c!, w), 0, false), c!), [0]), next(i!), p.lt(next(i!), p.fillLike(i!, 3))],
  [x, zero, p.fill([], 'bool', 1)],
)
const outputs = loop(body.graph, 1, null, [...body.operands, x, zero, p.fill([], 'bool', 1)]).slice(0, 2)

const plain: Stage = (_, run) => run()
interface Made {
  readonly level: Level
  readonly program: Program
}
const made = (): Made => {
  const planned = plan(host, plain, {
    inputs: [x, w],
    outputs: prepare(host, plain, outputs).outputs,
    donated: [false, false],
  })
  const { buffers, steps, level } = assemble(planned)
  const { slabs, live } = planned.memory
  const results = planned.memory.outputs.map((buffer, i) => ({ buffer, aval: outputs[i]! }))
  return {
    level,
    program: { inputs: [x, w], donated: [false, false], buffers, slabs, live, steps, outputs: results, told: null },
  }
}
type Rounds = Extract<Step, { readonly kind: 'loop' }>
const right = made()
const at = right.program.steps.findIndex((s) => s.kind === 'loop')
const rounds = right.program.steps[at] as Rounds
const [group, inside] = [...right.level.bodies][0]!
const carries = group.stores.map(({ value }) => right.level.bufferOf.get(value)!)
const operand = right.level.bufferOf.get(w)!
const scratch = [...inside.own]

const withLoop = (change: (loop: Rounds) => Rounds): Program => ({
  ...right.program,
  steps: right.program.steps.map((s) => (s.kind === 'loop' ? change(s) : s)),
})
const withSteps = (change: (steps: readonly Step[]) => readonly Step[]): Program =>
  withLoop((loop) => ({ ...loop, steps: change(loop.steps) }))
const copy = (from: number, to: number, bytes = 256): Step => ({ kind: 'copy', from, to, bytes })

describe('a program with a loop', () => {
  it('that is right passes', () => {
    expect(scratch.length).toBeGreaterThan(0)
    expect(rounds.steps.some((s) => s.kind === 'copy')).toBe(true)
    verifyProgram(right.level, right.program)
  })

  it.each<readonly [string, RegExp, () => Program]>([
    [
      'a carry does not begin where it should',
      /loop .* reads .* which holds/,
      () => ({ ...right.program, steps: right.program.steps.filter((s) => s.kind !== 'copy') }),
    ],
    [
      'a carry is not there at the end of a round',
      /the next round of loop/,
      () => withSteps((steps) => steps.filter((s) => s.kind !== 'copy')),
    ],
    [
      'a carry is gone before it is read',
      /reads parameter/,
      () => withSteps((steps) => [copy(operand, carries[0]!), ...steps]),
    ],
    ['a round changes what it is given', /donated/, () => withSteps((steps) => [...steps, copy(carries[0]!, operand)])],
    [
      'a round changes a carry after it was made',
      /the next round/,
      () => withSteps((steps) => [...steps, copy(operand, carries[0]!)]),
    ],
    ['a kernel of a round is left out', /./, () => withSteps((steps) => steps.slice(1))],
    [
      'another flag is asked',
      /another buffer whether it goes on/,
      () => withLoop((l) => ({ ...l, flag: carries[1]! })),
    ],
    [
      'what it works in overlaps what it is given',
      /overlaps|holds/,
      () => ({
        ...right.program,
        buffers: right.program.buffers.map((b, i) =>
          i === carries[1] ? { ...b, source: right.program.buffers[scratch[0]!]!.source } : b,
        ),
      }),
    ],
  ])('is refused where %s', (_, message, change) => {
    const wrong = change()
    expect(() => verifyProgram(right.level, wrong)).toThrow(StageError)
    expect(() => verifyProgram(right.level, wrong)).toThrow(message)
  })

  it('is refused where a round writes to what is not its own', () => {
    const [y] = loop(body.graph, 1, null, [...body.operands, x, zero, p.fill([], 'bool', 1)])
    const kept = p.cumsum(w, 0, false)
    const graph = {
      inputs: [x, w],
      outputs: prepare(host, plain, [p.add(p.flip(kept, [0]), p.mul(y!, kept))]).outputs,
      donated: [false, false],
    }
    const planned = plan(host, plain, graph)
    const { buffers, steps, level } = assemble(planned)
    const { slabs, live } = planned.memory
    const program: Program = {
      ...right.program,
      buffers,
      slabs,
      live,
      steps,
      outputs: [{ buffer: planned.memory.outputs[0]!, aval: x }],
    }
    verifyProgram(level, program)
    const [[, own]] = [...level.bodies] as [[unknown, Level]]
    const elsewhere = buffers.findIndex(({ source }, b) => source.kind === 'slot' && !own.own.has(b))
    const wrong = steps.map((s) => (s.kind === 'loop' ? { ...s, steps: [...s.steps, copy(s.flag!, elsewhere, 4)] } : s))
    expect(() => verifyProgram(level, { ...program, steps: wrong })).toThrow(/not the loop's to change|holds/)
  })
})
