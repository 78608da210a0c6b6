// Places: a node names the user's own line, and holds nothing but its text.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import { add, full, jit, mean, mul, neg, pow, softmax, sort, sum, tensor, tree, type Tensor } from '../index.ts'
import { atSite, describeSite, toposort } from '../ir.ts'
import type { Expr } from '../graph/expr.ts'
import { withTrace } from '../graph/trace.ts'

/** The line of this file that calls, as its stack prints it. */
const here = (): number => Number(/site\.test\.ts:(\d+):\d+/.exec(new Error().stack!.split('\n')[2]!)![1])
const lineOf = (value: Expr): number => Number(/site\.test\.ts:(\d+):\d+\)?$/.exec(describeSite(value.node.site))?.[1])

describe('the place of a node', () => {
  const x = full([2, 3], 0.5)

  it('is the line of the user that made it, whatever made it there', () => {
    const [line, ...made] = [here(), tensor([1]), neg(x), add(x, 1), mean()(x), softmax(-1)(x), mul(x, full([3], 2))]
    for (const root of made)
      for (const { outs } of toposort([root])) if (outs[0] !== x) expect(lineOf(outs[0]!)).toBe(line)
  })

  it('is found below many frames of the framework', () => {
    type Nest = Tensor | readonly Nest[]
    const nest = (depth: number): Nest => (depth === 0 ? x : [nest(depth - 1)])
    const [line, mapped] = [here(), tree.map(neg, nest(20))]
    expect(lineOf(tree.leaves(mapped)[0]!)).toBe(line)
  })

  it('is looked for once where it is as far away as the last', () => {
    type Nest = Tensor | readonly Nest[]
    const nest = (depth: number, leaf: Nest): Nest => (depth === 0 ? leaf : [nest(depth - 1, leaf)])
    const leaves = Array.from({ length: 20 }, () => x)
    const kept = Object.getOwnPropertyDescriptor(Error, 'captureStackTrace')!
    const capture = Error.captureStackTrace.bind(Error)
    let looks = 0
    const counting: typeof capture = (...args) => {
      looks++
      capture(...args)
    }
    Object.assign(Error, { captureStackTrace: counting })
    try {
      tree.map(neg, nest(20, leaves))
    } finally {
      Object.defineProperty(Error, 'captureStackTrace', kept)
    }
    // for the first of them further and further, and once more for its text
    expect(looks).toBeLessThan(leaves.length + 8)
  })

  it('is one object for all the nodes made there', () => {
    const [p, q] = [0, 1].map((i) => add(x, i))
    expect(p!.node.site).toBe(q!.node.site)
    expect(add(x, 0).node.site).not.toBe(p!.node.site)
  })

  it('outlasts rewriting: each kernel belongs to the line of what it computes', () => {
    let lines: readonly number[] = []
    const f = jit((v: Tensor) => {
      lines = [here() + 1, here() + 2]
      const sorted = sort(-1)(v)
      return sum()(mul(sorted, pow(v, 2)))
    })
    const kernels = f.program(tensor([3, 1, 2]))!.steps.flatMap((step) => (step.kind === 'kernel' ? [step] : []))
    expect(kernels.length).toBeGreaterThan(1)
    for (const { site } of kernels)
      expect(lines.map((line) => `${line}`)).toContain(/(\d+):\d+\)?$/.exec(site.where)?.[1])
  })

  it("within a user's function that the framework calls is that function's", () => {
    let lines: readonly number[] = []
    const f = (v: Tensor): Tensor => {
      const inside = neg(v)
      lines = [lineOf(inside), here() - 1]
      return inside
    }
    jit(f)(x)
    expect(lines[0]).toBe(lines[1])
    atSite(x.node.site, () => withTrace('test', [], () => f(x)))
    expect(lines[0]).toBe(lines[1])
  })
})

describe('what a node holds of the program that made it', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void

  it('is no closure, no receiver, no argument', async () => {
    class State {
      readonly weights = new Float32Array(1 << 10)
      step(): readonly Tensor[] {
        const own = (f: () => Tensor): Tensor => (this.weights.length > 0 ? f() : tensor([0]))
        return [
          own(() => tensor([this.weights[0]!])),
          own(() => add(tensor([1]), 1)),
          own(() => jit((v: Tensor) => neg(v))(tensor([2]))),
        ]
      }
    }
    const made = (): readonly [readonly Tensor[], WeakRef<State>] => {
      const state = new State()
      return [state.step(), new WeakRef(state)]
    }
    const [nodes, past] = made()
    // A weak reference pins its target to the end of the turn.
    await new Promise<void>((resolve) => void setTimeout(resolve))
    collect()
    expect(past.deref()).toBeUndefined()
    expect(nodes.map(lineOf).every(Number.isInteger)).toBe(true)
  })
})

describe('an engine without V8s ways with stacks', () => {
  const own = ['captureStackTrace', 'prepareStackTrace', 'stackTraceLimit'] as const
  const kept = own.map((name) => [name, Object.getOwnPropertyDescriptor(Error, name)] as const)
  const having = (name: (typeof own)[number], value: unknown, writable = true): void => {
    Object.defineProperty(Error, name, { value, writable, configurable: true })
  }
  afterEach(() => {
    for (const [name, descriptor] of kept)
      if (descriptor === undefined) Reflect.deleteProperty(Error, name)
      else Object.defineProperty(Error, name, descriptor)
  })

  it('that has no captureStackTrace still makes nodes, and names the line where errors have stacks', () => {
    having('captureStackTrace', undefined)
    const [line, made] = [here(), tensor([1])]
    expect(lineOf(made)).toBe(line)
  })

  it('that prints in another format names the first line outside the framework', () => {
    having('captureStackTrace', (holder: { stack?: string }) => {
      holder.stack = [
        'apply@https://example.org/node_modules/@adjoint/tensor/dist/expr.js:42:7',
        'tensor@https://example.org/node_modules/@adjoint/tensor/dist/ops/creation.js:3:14',
        'train@https://example.org/app.js:10:3',
        '@https://example.org/app.js:20:1',
      ].join('\n')
    })
    expect(describeSite(tensor([1]).node.site)).toBe('train@https://example.org/app.js:10:3')
  })

  it('that has no stacks says that it knows none', () => {
    having('captureStackTrace', () => undefined)
    expect(describeSite(tensor([1]).node.site)).toBe('unknown place')
  })

  it('whose Error may not be changed still makes nodes', () => {
    having('stackTraceLimit', 10, false)
    having('prepareStackTrace', undefined, false)
    const [line, made] = [here(), tensor([1])]
    expect(lineOf(made)).toBe(line)
  })

  it('is left as it was', () => {
    const prepare = (): string => 'prepared'
    having('stackTraceLimit', 7)
    having('prepareStackTrace', prepare)
    tensor([1])
    expect(own.slice(1).map((name): unknown => Reflect.get(Error, name))).toEqual([prepare, 7])
  })

  it('whose program prints stacks in its own way still names the script', () => {
    having('prepareStackTrace', (_: Error, frames: readonly unknown[]) => frames.length)
    expect(describeSite(tensor([1]).node.site)).toMatch(/site\.test\.ts:\d+:\d+$/)
  })
})
