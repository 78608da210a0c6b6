/**
 * Traces. A transformation calls the user's function on stand-ins for its arguments (`input` nodes for differentiation,
 * `parameter` nodes for vmap and jit) and rewrites what comes out. A trace is open during that call; while it is,
 * whatever depends on a stand-in has no value of its own yet: `jit` is inlined, and nothing may be read.
 */
import type { Expr } from './expr.ts'
import { atNoSite } from '../base/site.ts'

/** One call of a user's function on stand-ins. */
export interface Trace {
  /** The transformation, for messages: 'grad', 'vmap', 'jit'. */
  readonly name: string
  readonly open: boolean
}

const standIns = new WeakMap<Expr, Trace>()
/** What is known of a node: a trace it depends on, or that it depends on none (which then holds for ever). */
const known = new WeakMap<Expr, Trace | null>()

/** Calls `body` with a trace open over `stands`; they belong to it for ever, and it closes when `body` returns. */
export const withTrace = <R>(name: string, stands: readonly Expr[], body: () => R): R => {
  const trace = { name, open: true }
  for (const value of stands) standIns.set(value, trace)
  try {
    return atNoSite(body)
  } finally {
    trace.open = false
  }
}

/** The trace whose stand-in `node` is, open or closed. */
export const traceOf = (value: Expr): Trace | null => standIns.get(value) ?? null

const openTrace = (value: Expr): Trace | null | undefined => {
  const stand = standIns.get(value)
  if (stand?.open === true) return stand
  const memo = known.get(value)
  return memo === null || memo?.open === true ? memo : undefined
}

/** An open trace that `root` depends on, or null. A subgraph found free of traces is never walked again. */
export const tracing = (root: Expr): Trace | null => {
  const answer = openTrace(root)
  if (answer !== undefined) return answer
  const seen = new Set<Expr>([root])
  const stack: { readonly value: Expr; next: number }[] = [{ value: root, next: 0 }]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const arg = top.value.node.args[top.next++]
    if (arg === undefined) {
      known.set(top.value, null)
      stack.pop()
    } else if (!seen.has(arg)) {
      seen.add(arg)
      const found = openTrace(arg)
      if (found === null) continue
      if (found !== undefined) {
        // every node on the stack leads to the stand-in
        for (const { value: e } of stack) known.set(e, found)
        return found
      }
      stack.push({ value: arg, next: 0 })
    }
  }
  return null
}

/** Whether a node depends on a stand-in of an open trace, so that it has no value yet. */
export const isTraced = (nodes: readonly Expr[]): boolean => nodes.some((value) => tracing(value) !== null)

/** What to tell the user who evaluates a stand-in after its trace has closed (or before). */
export const leak = (value: Expr): string => {
  const trace = traceOf(value)
  const what = trace === null ? 'a placeholder' : `a placeholder of ${trace.name}`
  return trace?.open === true
    ? `${what} has no value while ${trace.name} is tracing. Return the tensor from the function and read the result outside.`
    : `${what} was kept beyond the call that made it. The function given to ${trace?.name ?? 'a transformation'} must return what it computes, ` +
        'and not store tensors in outer variables.'
}
