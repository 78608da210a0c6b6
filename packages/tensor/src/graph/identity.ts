/** What a pointwise lowering shows without being run: that a node computes nothing, and only hands on elements of its operand. */
import { sameShape } from '../base/shape.ts'
import * as ix from '../loops/ix.ts'
import * as scalar from '../loops/scalar.ts'
import type { Expr, Node } from './expr.ts'

/**
 * Where an element of the result comes from: the index of the result, and that of operand 0 whose element it is, as it is.
 * null where the node computes anything, or is no pointwise one.
 */
const origin = (node: Node): { readonly to: readonly ix.Ix[]; readonly from: readonly ix.Ix[] } | null => {
  const { prim, args, params, outs } = node
  const out = outs[0]
  if (prim.lower.kind !== 'pointwise' || args.length === 0 || out === undefined) return null
  const to = out.shape.map((extent, id) => ix.ofAxis({ id, extent }))
  const reads = new Map<scalar.Scalar, readonly ix.Ix[]>()
  const element = prim.lower.at(
    to,
    (arg, at) => {
      const read = scalar.load(arg, ix.constant(0), args[arg]!.dtype)
      if (arg === 0) reads.set(read, at)
      return read
    },
    out,
    params,
  )
  const from = reads.get(element)
  return from === undefined ? null : { to, from }
}

/** The one operand of which every element of the result is an element, at an index that no data says; else null. */
export const movedFrom = (node: Node): Expr | null =>
  node.args.length === 1 && origin(node) !== null ? node.args[0]! : null

/**
 * The operand that a node hands on unchanged, if it is such a node. How `input`, `stopGradient` and identities that other
 * packages define are told: by what they compute.
 */
export const identity = (node: Node): Expr | null => {
  const [x, out] = [node.args[0], node.outs[0]]
  const { lower } = node.prim
  if (lower.kind !== 'pointwise' || x === undefined || out === undefined || node.outs.length > 1) return null
  if (!sameShape(x.shape, out.shape) || x.dtype !== out.dtype) return null
  // What is in memory anyway needs no storing.
  if (lower.stored !== undefined && x.node.prim.lower.kind === 'pointwise') return null
  const moved = origin(node)
  return moved !== null && moved.from.every((i, k) => i === moved.to[k]) ? x : null
}
