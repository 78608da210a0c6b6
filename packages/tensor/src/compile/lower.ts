/** A group -> a kernel: the pointwise functions of its nodes are substituted into one another over the group's axes. */
import { getOrInsert } from '../base/get-or-insert.ts'
import { flatten, type Ix, ofAxis } from '../loops/ix.ts'
import type { Kernel, KernelBuffer, Reduction, Store } from '../loops/kernel.ts'
import { type ReduceOp, type Scalar, load, reduced } from '../loops/scalar.ts'
import type { Expr } from '../graph/expr.ts'
import { registerOf } from '../base/dtype.ts'
import { sizeOf } from '../base/shape.ts'
import { canonical } from './canonical.ts'
import { storageOf } from './fuse/fuse.ts'
import { type Group, sameIndex } from './fuse/group.ts'

export interface LoweredKernel {
  readonly kernel: Kernel
  /** The program's buffer behind each of the kernel's. */
  readonly buffers: readonly number[]
}

/** What a group needs to know of the rest of the program. */
export interface Surroundings {
  readonly owner: ReadonlyMap<Expr, Group>
  readonly bufferOf: ReadonlyMap<Expr, number>
}

export const lowerGroup = ({ owner, bufferOf }: Surroundings, group: Group): LoweredKernel => {
  const buffers: (KernelBuffer & { readonly program: number })[] = []
  const names: string[] = []

  const bufferFor = (value: Expr, use: 'read' | 'write'): number => {
    const program = bufferOf.get(value)!
    const at = buffers.findIndex((b) => b.program === program)
    const known = buffers[at]
    const size = Math.max(known?.size ?? 0, sizeOf(value.shape))
    const merged = {
      program,
      dtype: value.dtype,
      size,
      read: known?.read === true || use === 'read',
      write: known?.write === true || use === 'write',
    }
    if (known === undefined) return buffers.push(merged) - 1
    buffers[at] = merged
    return at
  }

  const { node } = group.stores[0]!.value
  if (node.prim.lower.kind === 'template') {
    const { template, reads, params } = node.prim.lower
    const args = reads(node.args, node.params).map((i) => bufferFor(storageOf(node.args[i]!), 'read'))
    const outs = group.stores.map((s) => bufferFor(s.value, 'write'))
    const used = params(node.args, node.params)
    const kernel: Kernel = {
      kind: 'template',
      name: node.prim.name,
      template,
      params: used,
      buffers: buffers.map(({ dtype, size, read, write }) => ({ dtype, size, read, write })),
      args,
      outs,
    }
    return { kernel, buffers: buffers.map((b) => b.program) }
  }

  /** What was made of each value, at each index that it is read at: nearly always one. */
  const memo = new Map<Expr, { readonly index: readonly Ix[]; readonly scalar: Scalar }[]>()
  const order = [...group.reductions].reverse()
  // A dot's sums are the first of its reduced values.
  const given = group.dot === null ? 0 : 1
  const reductionOf = new Map(order.map((r, i) => [r.value, given + i]))

  const value = (value: Expr, index: readonly Ix[]): Scalar => {
    const known = getOrInsert(memo, value, () => [])
    const seen = known.find((at) => sameIndex(at.index, index))
    if (seen !== undefined) return seen.scalar
    const scalar = compute(value, index)
    known.push({ index, scalar })
    return scalar
  }
  const compute = (e: Expr, index: readonly Ix[]): Scalar => {
    const { lower } = e.node.prim
    if (lower.kind === 'after') return value(e.node.args[0]!, index)
    const reduction = reductionOf.get(e)
    if (reduction !== undefined) return reduced(reduction, e.dtype)
    if (group.dot?.value === e) return reduced(0, e.dtype)
    const elsewhere = owner.has(e) && owner.get(e) !== group
    if (lower.kind === 'pointwise' && !elsewhere) {
      names.push(e.node.prim.name)
      return lower.at(index, (arg, at) => value(e.node.args[arg]!, at), e, e.node.params)
    }
    return load(bufferFor(e, 'read'), flatten(index, e.shape), e.dtype)
  }

  const reductions = order.map((r): Reduction => {
    const { lower } = r.value.node.prim
    const op: ReduceOp = lower.kind === 'reduce' || lower.kind === 'running' ? lower.op : 'sum'
    const scalar = value(r.value.node.args[0]!, r.inner)
    names.push(r.value.node.prim.name)
    return { op, dtype: registerOf(r.value.dtype), value: scalar, running: lower.kind === 'running' }
  })
  const dot =
    group.dot === null
      ? null
      : {
          ...group.dot,
          a: value(group.dot.value.node.args[0]!, [
            ...group.dot.index.slice(0, -2),
            ofAxis(group.dot.m),
            ofAxis(group.dot.k),
          ]),
          b: value(group.dot.value.node.args[1]!, [
            ...group.dot.index.slice(0, -2),
            ofAxis(group.dot.k),
            ofAxis(group.dot.n),
          ]),
        }
  if (dot !== null) names.push(dot.value.node.prim.name)
  const stores = group.stores.map(({ value: e, index, ...stored }): Store => {
    const { lower } = e.node.prim
    // All the loops of a dot that reduces nothing are rows to its group.
    const scope = dot !== null && reductions.length === 0 ? 'full' : stored.scope
    if (lower.kind === 'update') {
      const arg = (i: number, at: readonly Ix[]): Scalar => value(e.node.args[i]!, at)
      const to = lower.to(index, arg, e, e.node.params)
      const what = lower.value(index, arg, e, e.node.params)
      names.push(e.node.prim.name)
      const buffer = bufferFor(e, 'write')
      // An increasing store also reads what is there.
      if (lower.mode === 'add') bufferFor(e, 'read')
      return { buffer, at: flatten(to, e.shape), value: what, scope, mode: lower.mode }
    }
    const what = lower.kind === 'running' ? reduced(0, e.dtype) : value(e, index)
    return { buffer: bufferFor(e, 'write'), at: flatten(index, e.shape), value: what, scope, mode: 'set' }
  })

  const name = [...new Set(names)].join(' ')
  const plain = buffers.map(({ dtype, size, read, write }) => ({ dtype, size, read, write }))
  const kernel: Kernel =
    dot === null
      ? { kind: 'loop', name, buffers: plain, rows: group.rows, cols: group.cols, reductions, stores }
      : {
          kind: 'dot',
          name,
          buffers: plain,
          batch: dot.batch,
          m: dot.m,
          n: dot.n,
          k: dot.k,
          a: dot.a,
          b: dot.b,
          reductions,
          stores,
        }
  return { kernel: canonical(kernel), buffers: buffers.map((b) => b.program) }
}
