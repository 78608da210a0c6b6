/** What a record's lowering computes, by itself: the laws of lowerings compare it with the record's own meaning. */
import { registerOf } from '../base/dtype.ts'
import { type Data, mismatch, tolerances } from '@adjoint/testing'
import { expect } from 'vitest'
import { sizeOf } from '../base/shape.ts'
import { evaluate, evaluateWith } from '../graph/evaluate.ts'
import type { Expr, Value } from '../graph/expr.ts'
import { interpret } from '../loops/interpret.ts'
import * as ix from '../loops/ix.ts'
import type { Kernel, LoopKernel } from '../loops/kernel.ts'
import * as scalar from '../loops/scalar.ts'
import * as p from './index.ts'

export const asParameters = (args: readonly Data[]): readonly Expr[] => args.map((a) => p.parameter(a))
export const binding = (exprs: readonly Expr[], args: readonly Data[]): ReadonlyMap<Expr, Value> =>
  new Map(exprs.map((e, i) => [e, args[i]!]))
export const valueOf = (root: Expr, exprs: readonly Expr[], args: readonly Data[]): Value =>
  evaluateWith([root], binding(exprs, args))[0]!

export const equal = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: { readonly relative: number; readonly absolute: number } = tolerances.double,
): void => {
  expect(mismatch(actual, expected, tolerance)).toBeNull()
}

/** One kernel (or composition) that does what the record's lowering says, run by the interpreter of the loop IR. */
export const lowered = (out: Expr, args: readonly Data[], exprs: readonly Expr[]): ArrayLike<number> => {
  const { lower } = out.node.prim
  const size = sizeOf(out.shape)
  const buffers = [...args.map((a) => Float64Array.from(a.data)), new Float64Array(size)]
  const declared = [...args, out].map((a, i) => ({
    dtype: a.dtype,
    size: sizeOf(a.shape),
    read: i < args.length,
    write: i === args.length,
  }))
  let axes = 0
  const axesFor = (shape: readonly number[]): readonly ix.Axis[] => shape.map((extent) => ({ id: axes++, extent }))
  const access = (arg: number, index: readonly ix.Ix[]): scalar.Scalar =>
    scalar.load(arg, ix.flatten(index, args[arg]!.shape), args[arg]!.dtype)
  const run = (kernel: Kernel): ArrayLike<number> => {
    interpret(kernel, buffers)
    return buffers[kernel.kind === 'loop' && lower.kind === 'update' ? 0 : args.length]!
  }
  const loop = (rest: Omit<LoopKernel, 'kind' | 'name' | 'buffers'>): ArrayLike<number> =>
    run({ kind: 'loop', name: out.node.prim.name, buffers: declared, ...rest })
  switch (lower.kind) {
    case 'leaf':
      return evaluate([out])[0]!.data
    case 'after':
    case 'told':
      return args[0]!.data
    case 'pointwise': {
      const rows = axesFor(out.shape)
      const index = rows.map(ix.ofAxis)
      const value = size === 0 ? scalar.constant(out.dtype, 0) : lower.at(index, access, out, out.node.params)
      const store = { buffer: args.length, at: ix.flatten(index, out.shape), value, scope: 'row', mode: 'set' } as const
      return loop({ rows, cols: [], reductions: [], stores: [store] })
    }
    case 'reduce':
    case 'running': {
      const gone = lower.kind === 'reduce' ? lower.axes(out.node.params) : [lower.axis(out.node.params)]
      const every = axesFor(args[0]!.shape)
      const rows = every.filter((_, i) => !gone.includes(i))
      const running = lower.kind === 'running'
      const index = (running ? every : rows).map(ix.ofAxis)
      return loop({
        rows,
        cols: every.filter((_, i) => gone.includes(i)),
        reductions: [{ op: lower.op, dtype: registerOf(out.dtype), value: access(0, every.map(ix.ofAxis)), running }],
        stores: [
          {
            buffer: args.length,
            at: ix.flatten(index, out.shape),
            value: scalar.reduced(0, out.dtype),
            scope: running ? 'full' : 'row',
            mode: 'set',
          },
        ],
      })
    }
    case 'dot': {
      const every = axesFor(out.shape)
      const batch = every.slice(0, -2)
      const [m, n] = [every.at(-2)!, every.at(-1)!]
      const [k] = axesFor(args[0]!.shape.slice(-1))
      const at = (...list: readonly ix.Axis[]): readonly ix.Ix[] => [...batch, ...list].map(ix.ofAxis)
      return run({
        kind: 'dot',
        name: 'dot',
        buffers: declared,
        batch,
        m,
        n,
        k: k!,
        a: access(0, at(m, k!)),
        b: access(1, at(k!, n)),
        reductions: [],
        stores: [
          {
            buffer: args.length,
            at: ix.flatten(every.map(ix.ofAxis), out.shape),
            value: scalar.reduced(0, out.dtype),
            scope: 'full',
            mode: 'set',
          },
        ],
      })
    }
    case 'update': {
      equal(valueOf(lower.composition(exprs, out.node.params), exprs, args).data, valueOf(out, exprs, args).data)
      const rows = axesFor(lower.grid(out, out.node.params))
      const index = rows.map(ix.ofAxis)
      const stores = rows.some((r) => r.extent === 0)
        ? []
        : [
            {
              buffer: 0,
              at: ix.flatten(lower.to(index, access, out, out.node.params), out.shape),
              value: lower.value(index, access, out, out.node.params),
              scope: 'row',
              mode: lower.mode,
            } as const,
          ]
      return loop({ rows, cols: [], reductions: [], stores })
    }
    case 'loop':
    case 'unwritten':
    case 'branch':
      throw new Error(`${out.node.prim.name} is no primitive of this list`)
    case 'template': {
      const y = new Float64Array(size)
      const used = lower.reads(exprs, out.node.params).map((i) => buffers[i]!)
      lower.template.meaning(used, [y], lower.params(exprs, out.node.params))
      equal(valueOf(lower.expand(exprs, out.node.params)[out.index]!, exprs, args).data, y)
      return y
    }
    case 'composite':
      return valueOf(lower.expand(exprs, out.node.params)[out.index]!, exprs, args).data
  }
}
