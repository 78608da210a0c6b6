/**
 * Numbers in what is computed now. Built into a kernel a number costs nothing, so that a program starts with all of its
 * numbers built in. But one that the host works out anew for each step, a decaying rate or the first row of a batch, would
 * make each step a program of its own, to be compiled and kept. So a number that turns out to change from call to call
 * becomes an argument.
 */
import { dtypes, type DType, type HostArray } from '../base/dtype.ts'
import { sizeOf } from '../base/shape.ts'
import { type Aval, type Expr, type Node, over, paramsOf } from '../graph/expr.ts'
import { rewrite, withArgs } from '../graph/walk.ts'
import { broadcastTo, dynamicSlice, fill, fillP, parameter, reshape, sliceAxis, sliceP } from '../primitives/index.ts'

/** A number of a graph, with the placeholder that stands in its place. */
export interface Numeral {
  readonly stand: Expr
  readonly value: number
}

/** A node whose numbers may change. */
export interface Opened {
  /** The same value over placeholders of its numbers, and those. */
  readonly value: Expr
  readonly numerals: readonly Numeral[]
  /** With all of them built in, over the operands that come before them. */
  readonly closed: (args: readonly Expr[]) => Expr
}

/** A node over other operands, with its numbers open; null where it has none. Those of a fill are its value, of a slice where it starts. */
export const opened = (node: Node, args: readonly Expr[]): Opened | null => {
  const x = node.outs[0]!
  const filled = paramsOf(x, fillP)
  if (filled !== null) {
    const numeral = { stand: parameter(x), value: filled.value }
    return { value: numeral.stand, numerals: [numeral], closed: () => x }
  }
  const sliced = paramsOf(x, sliceP)
  if (sliced === null || sizeOf(x.shape) === 0) return null
  const [source] = args
  const numerals: Numeral[] = []
  const starts = sliced.starts.map((value, axis) => {
    if (source!.shape[axis] === x.shape[axis]) return fill([], 'i32', 0)
    const stand = parameter({ shape: [], dtype: 'i32' })
    numerals.push({ stand, value })
    return stand
  })
  return {
    value: dynamicSlice(source!, starts, x.shape),
    numerals,
    closed: (operands) => over(node, operands.slice(0, 1)).outs[0]!,
  }
}

/** Those that vary, each an element of the one argument that all of their dtype share: few bindings, and few copies. */
const varying = (numerals: readonly Numeral[], varies: readonly boolean[]): ReadonlyMap<DType, readonly Numeral[]> => {
  const byType = new Map<DType, Numeral[]>()
  numerals.forEach((n, i) => {
    if (varies[i] !== true) return
    const { dtype } = n.stand
    const others = byType.get(dtype)
    if (others === undefined) byType.set(dtype, [n])
    else others.push(n)
  })
  return byType
}

/** Their numbers, in order. */
export const numeralsOf = (all: readonly Opened[]): readonly Numeral[] => all.flatMap(({ numerals }) => numerals)

/** A graph over placeholders of numbers, as one to compile: those that vary read an argument, the others are built in. */
export const withNumbers = (
  outputs: readonly Expr[],
  all: readonly Opened[],
  varies: readonly boolean[],
): { readonly inputs: readonly Expr[]; readonly outputs: readonly Expr[] } => {
  const numerals = numeralsOf(all)
  const places = new Map<Expr, readonly [vector: Expr, at: number]>()
  const inputs = [...varying(numerals, varies)].map(([dtype, those]) => {
    const vector = parameter({ shape: [those.length], dtype })
    those.forEach(({ stand }, i) => places.set(stand, [vector, i]))
    return vector
  })
  const built = new Map(
    all.filter(({ numerals: own }) => !own.some(({ stand }) => places.has(stand))).map((o) => [o.value, o.closed]),
  )
  const values = new Map(numerals.map(({ stand, value }) => [stand, value]))
  const placed = rewrite(outputs, (node, args) => {
    const e = node.outs[0]!
    const closed = built.get(e)
    if (closed !== undefined) return [closed(args)]
    const value = values.get(e)
    if (value === undefined) return withArgs(node, args)
    const place = places.get(e)
    if (place === undefined) return [fill(e.shape, e.dtype, value)]
    const [vector, at] = place
    const element = sliceAxis(vector, 0, at, at + 1)
    return [
      broadcastTo(
        reshape(
          element,
          e.shape.map(() => 1),
        ),
        e.shape,
      ),
    ]
  })
  return { inputs, outputs: placed }
}

/** What the inputs of `withNumbers` are to hold, in the same order. */
export const numbersOf = (
  numerals: readonly Numeral[],
  varies: readonly boolean[],
): readonly { readonly data: HostArray; readonly aval: Aval }[] =>
  [...varying(numerals, varies)].map(([dtype, those]) => {
    const data = dtypes[dtype].allocate(those.length)
    those.forEach(({ value }, i) => (data[i] = value))
    return { data, aval: { shape: [those.length], dtype } }
  })
