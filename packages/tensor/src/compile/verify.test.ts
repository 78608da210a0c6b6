/** Plans that are wrong in one way each: what verifies a stage must see it. */
import { describe, expect, it } from 'vitest'
import { type Expr, over } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
import * as p from '../primitives/index.ts'
import { pairDonations } from './memory/donate.ts'
import { fuse } from './fuse/fuse.ts'
import type { Group } from './fuse/group.ts'
import { lowerGroup } from './lower.ts'
import { planMemory } from './memory/memory.ts'
import { host } from './capabilities.support.ts'
import type { Computation } from '../graph/device.ts'
import type { Program, ProgramBuffer, Step } from '../loops/program.ts'
import { schedule } from './schedule.ts'
import { StageError } from './fault.ts'
import { type Level, verifyExprs, verifyGroups, verifyProgram } from './verify.ts'

const f32 = (...shape: number[]): Expr => p.parameter({ shape, dtype: 'f32' })
const filled = (x: Expr, v: number): Expr => p.fill(x.shape, x.dtype, v)

/** Two kernels and a result: y = tanh of the rows' sums; y y^T. */
const x = f32(6, 6)
const sums = p.cumsum(x, 0, false)
const product = p.dot(sums, p.transpose(sums, [1, 0]))
const whole: Computation = { inputs: [x], outputs: [product, p.add(x, filled(x, 1))], donated: [false] }

interface Plan {
  readonly planned: Level
  readonly program: Program
}
const plan = (graph: Computation = whole): Plan => {
  const order = toposort(graph.outputs).flatMap(({ outs }) => outs)
  const fusion = fuse(host, order, graph.outputs, new Set())
  const position = new Map(order.map((e, i) => [e, i]))
  const first = (g: Group): number => position.get(g.stores[0]!.value)!
  const groups = [...fusion.groups].sort((g, h) => first(g) - first(h))
  const memory = planMemory(
    { largestSlab: Infinity, pairs: pairDonations(graph), homes: null, scratch: () => [] },
    graph,
    fusion,
    groups,
  )
  const steps = groups.map((g): Step => {
    const { kernel, buffers } = lowerGroup({ owner: fusion.owner, bufferOf: memory.bufferOf }, g)
    return { kind: 'kernel', kernel, buffers, site: g.stores[0]!.value.node.site }
  })
  const program: Program = {
    inputs: graph.inputs,
    donated: graph.donated,
    buffers: memory.buffers,
    told: null,
    slabs: memory.slabs,
    live: memory.live,
    steps: [...steps, ...memory.last.map((copy): Step => ({ kind: 'copy', ...copy }))],
    outputs: memory.outputs.map((buffer, i) => ({ buffer, aval: graph.outputs[i]! })),
  }
  return {
    planned: { graph, fusion, groups, bufferOf: memory.bufferOf, bodies: new Map(), own: new Set() },
    program,
  }
}

describe('a program', () => {
  const check = (change: (plan: Plan) => Plan): void => {
    const { planned, program } = change(plan())
    verifyProgram(planned, program)
  }
  const withBuffers = ({ planned, program }: Plan, change: (b: ProgramBuffer, i: number) => ProgramBuffer): Plan => ({
    planned,
    program: { ...program, buffers: program.buffers.map(change) },
  })
  const slot = (bytes: number, offset = 0): ProgramBuffer => ({ source: { kind: 'slot', slab: 0, offset }, bytes })

  it('that is right passes', () => {
    check((right) => right)
  })
  it.each<readonly [string, RegExp, (plan: Plan) => Plan]>([
    [
      'a step is left out',
      /holds nothing|became|hides/,
      ({ planned, program }) => ({ planned, program: { ...program, steps: program.steps.slice(1) } }),
    ],
    [
      'a value is overwritten before it is read',
      /which holds/,
      ({ planned, program }) => ({
        planned,
        program: {
          ...program,
          steps: [
            program.steps[0]!,
            { kind: 'copy', from: 0, to: planned.bufferOf.get(sums)!, bytes: 144 },
            ...program.steps.slice(1),
          ],
        },
      }),
    ],
    [
      'a buffer reaches past its slab',
      /outside of its slab/,
      (right) => withBuffers(right, (b) => (b.source.kind === 'slot' ? slot(1 << 20) : b)),
    ],
    [
      'a buffer is not aligned',
      /not aligned/,
      (right) => withBuffers(right, (b) => (b.source.kind === 'slot' ? slot(4, 4) : b)),
    ],
    [
      'a kernel writes over what overlaps its operand',
      /overlaps|holds/,
      (right) => withBuffers(right, (b) => (b.source.kind === 'output' ? slot(144) : b)),
    ],
    [
      'a value does not fit',
      /does not fit|reaches past/,
      (right) => withBuffers(right, (b) => (b.source.kind === 'output' ? { ...b, bytes: 8 } : b)),
    ],
    [
      'a value is copied onto itself',
      /onto itself/,
      ({ planned, program }) => ({
        planned,
        program: { ...program, steps: [...program.steps, { kind: 'copy', from: 0, to: 0, bytes: 4 }] },
      }),
    ],
    [
      'two results share a buffer',
      /shares its buffer|reads/,
      ({ planned, program }) => ({
        planned,
        program: { ...program, outputs: program.outputs.map(() => program.outputs[0]!) },
      }),
    ],
  ])('is refused where %s', (_, message, change) => {
    expect(() => check(change)).toThrow(StageError)
    expect(() => check(change)).toThrow(message)
  })
})

it('a program that writes to an input is refused where that was not donated', () => {
  const { planned, program } = plan({ ...whole, donated: [true] })
  verifyProgram(planned, program)
  expect(() => verifyProgram(planned, { ...program, donated: [false] })).toThrow(/not donated/)
})

describe('a kernel that works in place', () => {
  const inPlace = (f: (e: Expr) => Expr): Program => {
    const input = f32(8)
    return schedule(host)({ inputs: [input], outputs: [f(input)], donated: [true] })
  }
  it('is scheduled where each iteration reads what it writes, and only there', () => {
    expect(inPlace((e) => p.add(e, filled(e, 1))).outputs[0]!.buffer).toBe(0)
    // flip reads another element than it writes: what it makes goes elsewhere first
    expect(inPlace((e) => p.flip(e, [0])).steps.map((s) => s.kind)).toEqual(['kernel', 'copy'])
  })
})

it('kernels out of order are refused', () => {
  const { fusion, groups } = plan().planned
  expect(() => verifyGroups(fusion, [...groups].reverse(), whole.outputs)).toThrow(/too early|before it is stored/)
  expect(() => verifyGroups(fusion, groups.slice(1), whole.outputs)).toThrow(/became/)
})

it('a rewriting that changes a shape, or leaves a node with operands that do not fit, is refused', () => {
  verifyExprs('simplify', [product], [product])
  expect(() => verifyExprs('simplify', [product], [x, x])).toThrow(/2 results are left of 1/)
  expect(() => verifyExprs('simplify', [product], [p.reshape(product, [36])])).toThrow(StageError)
  const broken = over(product.node, [f32(6, 5), f32(5, 7)]).outs[0]!
  expect(() => verifyExprs('simplify', [product], [broken])).toThrow(/f32\[6, 7\]/)
})
