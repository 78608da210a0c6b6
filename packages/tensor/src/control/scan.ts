/**
 * A function folded over the rows of arrays, as one node: its body is a graph, compiled once and not unrolled.
 *
 *     body: [..operands, ..carries, ..rows] -> [..next carries, ..rows of the results]
 *
 * Reverse mode is a scan from the other end. What its rounds need of the forward pass is saved there, each round's row in an
 * array of all rounds; what is cheap to compute again from that, from the operands and from the rows is not. With
 * `keep: 'carries'` only the carries are saved, and the backward rounds compute the body again (a checkpoint a round).
 *
 * For c' = sin(w c) over 3 rounds: the body's pullback is dc = cos(w c) w dc', dw = cos(w c) c dc'. It reads c and cos(w c),
 * which follows from w and c by two elementwise operations, so that the forward scan saves c_0, c_1, c_2 (saved.ts); the
 * backward scan carries (dc, dw) from round 2 to round 0, adding to dw in each.
 */
import { getOrInsert } from '../base/get-or-insert.ts'
import { computedAval } from '../base/aval.ts'
import { isFloat } from '../base/dtype.ts'
import { applyAll, type Aval, type Expr, type Primitive, type Value } from '../graph/expr.ts'
import { batch } from '../graph/batch.ts'
import { type Graph, graph, inlined } from '../graph/graph.ts'
import { markInterned } from '../graph/key.ts'
import { parameter } from '../graph/parameter.ts'
import { substitute, toposort } from '../graph/walk.ts'
import { sizeOf } from '../base/shape.ts'
import { add, sub } from '../primitives/arithmetic.ts'
import { reshape, spread } from '../primitives/broadcast.ts'
import { dynamicSlice, dynamicUpdateSlice } from '../primitives/dynamic.ts'
import { fill, fillLike } from '../primitives/leaves.ts'
import { moveAxis } from '../primitives/movement.ts'
import { batchGraph, placed, pushforwardGraph } from '../transform/derived.ts'
import { accumulated } from './accumulated.ts'
import { demandTraced, present } from './call.ts'
import { grown } from './grown.ts'
import { loop, unwritten } from '../graph/loop.ts'
import { productOf, sumOfProducts } from './products.ts'
import { inPlaceOf, isSavedFor, leading, pulledBack, type SavingParams, savingParams } from './saving.ts'
import { kinds, rowOf, type ScanParams, stacked, zeros } from './scan-params.ts'

export const scanP: Primitive<ScanParams> = {
  name: 'scan',
  outs: (args, params) => {
    const { body, carries, length } = params
    const [operands, inits, xs] = kinds(args, params)
    const given = [...operands, ...inits, ...xs.map(rowOf)]
    const fits = xs.every((x) => x.shape[0] === length)
    demandTraced('scan', body, args, given, fits, `body, over ${length} rows`)
    return body.outputs.map((out, i) => (i < carries ? { shape: out.shape, dtype: out.dtype } : stacked(out, length)))
  },
  vjp: (cts, outs, args, params, wanted) => {
    if (isSavedFor(params, wanted) && cts.slice(params.saved.results).every((ct) => ct === null))
      return backward(cts, outs, args, params)
    // Not saved for, or differentiated by what was saved, too: all results are ordinary ones.
    const again = savingParams(params, wanted)
    return backward(cts, applyAll(scanP, args, again), args, again)
  },
  jvp: (tangents, outs, args, params) => tangentsOf(tangents, outs, args, params),
  saving: (args, params, wanted) =>
    applyAll(scanP, args, isSavedFor(params, wanted) ? params : savingParams(params, wanted))[0]!.node,
  batch: (args, flags, size, params) => batched(args, flags, size, params),
  graphs: (args, params) => ({
    of: [params.body],
    over: ([body], more) =>
      scan({ ...params, body: body!, operands: params.operands + more.length, saved: null }, [...more, ...args]),
  }),
  lower: { kind: 'composite', expand: (args, params) => asLoop(args, params) },
  evaluate: (args, outs, params, run) => {
    const { body, carries, length, reverse } = params
    const [operands, inits, xs] = kinds(args, params)
    const ys = outs.slice(carries).map(({ shape }) => new Float64Array(sizeOf(shape)))
    let now: readonly Value[] = inits
    for (let round = 0; round < length; round++) {
      const at = reverse ? length - 1 - round : round
      const rows = xs.map((x): Value => {
        const row = rowOf(x)
        const n = sizeOf(row.shape)
        return { ...row, data: x.data.subarray(at * n, (at + 1) * n) }
      })
      const given = [...operands, ...now, ...rows]
      const made = run(body.outputs, new Map(body.inputs.map((x, i) => [x, given[i]!])))
      now = made.slice(0, carries)
      ys.forEach((y, i) => y.set(made[carries + i]!.data, at * made[carries + i]!.data.length))
    }
    return [...now.map((v) => v.data), ...ys]
  },
}

/** The results of a scan: carries at the end, then stacked rows. */
export const scan = (params: ScanParams, args: readonly Expr[]): readonly Expr[] =>
  params.body.outputs.length === 0 ? [] : applyAll(scanP, args, params)

// Lowering

/** One loop: a counter beside the carries; rows are slices at it, and each round writes its row of the results. */
const asLoop = (args: readonly Expr[], params: ScanParams): readonly Expr[] => {
  const { body, carries, length } = params
  const [operands, inits, xs] = kinds(args, params)
  const ys = body.outputs.slice(carries).map((y) => unwritten(stacked(y, length)))
  if (length === 0) return [...inits, ...ys]
  const start = [...operands, ...xs, fill([], 'i32', 0), ...inits, ...ys]
  return loop(roundOf(params), operands.length + xs.length, length, start).slice(1)
}

const rounds = new WeakMap<Graph, Map<string, Graph>>()

/**
 * The body as a round of the loop. One object for all loops of one body, as an interned graph would be, which is prepared
 * once: it is told by what it was made of, without a look at the whole of it.
 */
const roundOf = (params: ScanParams): Graph => {
  const { body, operands, carries, length, reverse } = params
  const known = getOrInsert(rounds, body, () => new Map<string, Graph>())
  const key = `${operands} ${carries} ${length} ${reverse}`
  const seen = known.get(key)
  if (seen !== undefined) return seen
  const [fixed, now, rows] = kinds(body.inputs, params)
  const [zero, one] = [fill([], 'i32', 0), fill([], 'i32', 1)]
  const counter = parameter(zero)
  const at = reverse ? sub(fill([], 'i32', length - 1), counter) : counter
  const startsOf = ({ shape }: Aval): readonly Expr[] => shape.map((_, i) => (i === 0 ? at : zero))
  const arrays = rows.map((x) => parameter(stacked(x, length)))
  const cut = arrays.map((x) => reshape(dynamicSlice(x, startsOf(x), [1, ...x.shape.slice(1)]), x.shape.slice(1)))
  const outs = inlined(body, [...fixed, ...now, ...cut])
  const made = outs.slice(carries).map((row) => ({ row, stack: parameter(stacked(row, length)) }))
  const written = made.map(({ row, stack }) =>
    dynamicUpdateSlice(stack, reshape(row, [1, ...row.shape]), startsOf(stack)),
  )
  const round: Graph = {
    inputs: [...fixed, ...arrays, counter, ...now, ...made.map(({ stack }) => stack)],
    outputs: [add(counter, one), ...outs.slice(0, carries), ...written],
  }
  markInterned(round)
  known.set(key, round)
  return round
}

// Reverse mode

/** The backward scan: carries are the cotangents of the carries that lead on, and what has been added up for the operands. */
const backward = (
  cts: readonly (Expr | null)[],
  outs: readonly Expr[],
  args: readonly Expr[],
  params: SavingParams,
): readonly (Expr | null)[] => {
  const { body, carries, length, reverse, keep } = params
  const { results, wanted } = params.saved
  const to = leading(params, wanted)
  const leads = to.slice(params.operands)
  const [fixed, now, rows] = kinds(body.inputs, params)
  const [operands, , xs] = kinds(args, params)
  // Every row that the forward pass wrote is at hand, whoever it was written for.
  const written = body.outputs.flatMap((x, i) => (i < carries || fixed.includes(x) || rows.includes(x) ? [] : [i]))
  const stands = written.map((i) => parameter(body.outputs[i]!))
  const pulled = (flags: readonly boolean[]) => {
    const { outs: found, cts: given, grads } = pulledBack(body, flags, to)
    const known = written.map((i) => found[i]!)
    const moved = substitute(present(grads), known, stands)
    const missing = toposort(moved).some(({ outs: [x] }) => now.includes(x!))
    return { given, grads: inPlaceOf(grads, moved), missing }
  }
  const flagged = (y: (i: number) => boolean): readonly boolean[] =>
    body.outputs.map((_, i) => (i < carries ? leads[i] === true : i < results && y(i)))
  const asked = pulled(flagged((i) => (cts[i] ?? null) !== null))
  // Where a rule reads other values for fewer cotangents, what was saved is what it reads for all of them.
  const back = asked.missing ? pulled(flagged(() => true)) : asked
  const ofOutputs = back.given.slice(0, results)
  const [gOperands, gCarries, gRows] = kinds(back.grads, params)
  const dCarries = present(ofOutputs.slice(0, carries))
  const next = now.flatMap((c, i) => (ofOutputs[i] === null ? [] : [gCarries[i] ?? fillLike(c, 0)]))
  const dRows = gRows.flatMap((g, i) => (g === null ? [] : [{ i, g }]))
  const dYs = ofOutputs.slice(carries)
  // What is added up in each round, but for products that can wait until all rounds are done.
  const atHand = [...stands, ...rows, ...present(dYs)]
  const found = {
    rows: new Set([...atHand, ...dRows.map(({ g }) => g)]),
    carried: new Set(dCarries),
    spare: keep === 'values',
  }
  const addends = gOperands.flatMap((g, i) =>
    g === null ? [] : [{ i, g, later: length > 0 ? productOf(g, found) : null }],
  )
  const summed = addends.filter(({ later }) => later === null)
  const sums = summed.map(({ g }) => parameter(g))
  const made = [...new Set([...dRows.map(({ g }) => g), ...addends.flatMap(({ later }) => later?.write ?? [])])]
  const outputs = [...next, ...summed.map(({ g }, k) => accumulated(sums[k]!, g)), ...made]
  const used = new Set(toposort(outputs).flatMap((node) => node.outs))
  const chosen = <T>(all: readonly Expr[], of: readonly T[]): readonly T[] => of.filter((_, i) => used.has(all[i]!))
  const ctYs = dYs.flatMap((ct, i) => (ct === null ? [] : [cts[carries + i] ?? fillLike(outs[carries + i]!, 0)]))
  const savedRows = written.map((i) => outs[i]!)
  const scanned = scan(
    {
      body: graph(
        [
          ...chosen(fixed, fixed),
          ...dCarries,
          ...sums,
          ...chosen(stands, stands),
          ...chosen(rows, rows),
          ...present(dYs),
        ],
        outputs,
      ),
      operands: chosen(fixed, fixed).length,
      carries: dCarries.length + sums.length,
      length,
      reverse: !reverse,
      keep,
      saved: null,
    },
    [
      ...chosen(fixed, operands),
      ...now.flatMap((c, i) => (ofOutputs[i] === null ? [] : [cts[i] ?? fillLike(c, 0)])),
      ...zeros(summed.map(({ g }) => g)),
      ...chosen(stands, savedRows),
      ...chosen(rows, xs),
      ...ctYs,
    ],
  )
  const grads: (Expr | null)[] = args.map(() => null)
  let at = 0
  now.forEach((_, i) => {
    if (ofOutputs[i] !== null) grads[fixed.length + i] = scanned[at++]!
  })
  for (const { i } of summed) grads[i] = scanned[at++]!
  const madeRows = scanned.slice(at)
  for (const { i, g } of dRows) grads[fixed.length + now.length + i] = madeRows[made.indexOf(g)]!
  for (const { i, later } of addends) {
    if (later === null) continue
    const [a, b] = batch(later.factors, [...made, ...atHand], [...madeRows, ...savedRows, ...xs, ...ctYs], length)
    grads[i] = substitute([sumOfProducts(a!.value, b!.value)], fixed, operands)[0]!
  }
  return grads
}
// Forward mode

const tangentsOf = (
  tangents: readonly (Expr | null)[],
  outs: readonly Expr[],
  args: readonly Expr[],
  params: ScanParams,
): readonly (Expr | null)[] => {
  const { body, carries } = params
  const [tOperands, tInits, tXs] = kinds(
    tangents.map((t) => t !== null),
    params,
  )
  const pushed = (flags: readonly boolean[]) => pushforwardGraph(body, [...tOperands, ...flags, ...tXs])
  const flags = grown(tInits, (now) => {
    const { which } = pushed(now)
    return now.map((_, i) => which.includes(i))
  })
  const forward = pushed(flags)
  const [fixed, now, rows] = kinds(body.inputs, params)
  const inits = now.flatMap((c, i) => (flags[i] === true ? [parameter(computedAval(c))] : []))
  const some = (xs: readonly Expr[], of: readonly boolean[]): readonly Expr[] =>
    xs.flatMap((x, i) => (of[i] === true ? [parameter(computedAval(x))] : []))
  const [ofFixed, ofRows] = [some(fixed, tOperands), some(rows, tXs)]
  const made = placed(
    forward,
    body.outputs.length,
    inlined(forward.graph, [...body.inputs, ...ofFixed, ...inits, ...ofRows]),
  )
  const ys = made.slice(carries).flatMap((t, i) => (t === null ? [] : [{ i, t }]))
  const outputs = [
    ...body.outputs.slice(0, carries),
    ...now.flatMap((c, i) => (flags[i] === true ? [made[i] ?? fillLike(c, 0)] : [])),
    ...ys.map(({ t }) => t),
  ]
  const [operands, starts, xs] = kinds(args, params)
  const [dOperands, dStarts, dXs] = kinds(tangents, params)
  const scanned = scan(
    {
      ...params,
      body: graph([...fixed, ...ofFixed, ...now, ...inits, ...rows, ...ofRows], outputs),
      operands: fixed.length + ofFixed.length,
      carries: carries + inits.length,
      saved: null,
    },
    [
      ...operands,
      ...present(dOperands),
      ...starts,
      ...starts.flatMap((c, i) => (flags[i] === true ? [dStarts[i] ?? fillLike(c, 0)] : [])),
      ...xs,
      ...present(dXs),
    ],
  )
  const found: (Expr | null)[] = outs.map(() => null)
  let at = carries
  flags.forEach((f, i) => {
    if (f) found[i] = scanned[at++]!
  })
  for (const { i } of ys) found[carries + i] = scanned[at++]!
  return found.map((t, i) => (isFloat(outs[i]!.dtype) ? t : null))
}

// Batching

const batched = (
  args: readonly Expr[],
  flags: readonly boolean[],
  size: number,
  params: ScanParams,
): readonly Expr[] => {
  const { body, carries } = params
  const [fOperands, fInits, fXs] = kinds(flags, params)
  const over = (now: readonly boolean[]) => batchGraph(body, [...fOperands, ...now, ...fXs], size)
  const carried = grown(fInits, (now) => over(now).batched.slice(0, carries))
  const made = over(carried)
  const { inputs, outputs } = made.graph
  const [operands, inits, xs] = kinds(args, params)
  return scan(
    {
      ...params,
      // All rows that were saved are ordinary results now: the pullback of this body reads others.
      saved: null,
      body: graph(
        inputs,
        outputs.map((out, i) => (carried[i] === true && made.batched[i] !== true ? spread(out, size) : out)),
      ),
    },
    [
      ...operands,
      ...inits.map((c, i) => (carried[i] === true && fInits[i] !== true ? spread(c, size) : c)),
      // [B, n, ...] -> [n, B, ...]: a row is taken of all members at once
      ...xs.map((x, i) => (fXs[i] === true ? moveAxis(x, 0, 1) : x)),
    ],
  ).map((out, i) => {
    if (i < carries) return carried[i] === true ? out : spread(out, size)
    return made.batched[i] === true ? moveAxis(out, 1, 0) : spread(out, size)
  })
}
