/**
 * How a loop kernel runs on lanes (four of them in WebAssembly, as many as a vector register holds natively): which axis they span, in how many passes over the columns the reductions and
 * stores go, how far loops are unrolled, and which values are kept from one pass to the next.
 *
 * Softmax over the rows of x [32, 64]: rows i, columns j, reductions m = max x and s = sum exp(x - m), store exp(x - m) / s.
 * Along j the elements of x lie side by side, along i they are 64 apart: the lanes span j (`column`). Then, for each row,
 *
 *     pass 0   m, from all x
 *     pass 1   s, which reads m; the 64 values of exp(x - m) are dear, and pass 2 needs them again: kept
 *     pass 2   the stores, which read s
 *
 * The sum of the columns of x instead (rows j, columns i) would have its lanes span j as well: it is its row axis now (`row`),
 * so that four columns are summed at once, each in a lane, and nothing is added across lanes.
 */
import * as I from '../../loops/ix.ts'
import type { Axis, Ix } from '../../loops/ix.ts'
import type { LoopKernel, Store } from '../../loops/kernel.ts'
import { index, linearize, operands, type Scalar, type UnaryOp } from '../../loops/scalar.ts'

export interface Pass {
  /** Positions in the kernel's list. */
  readonly reductions: readonly number[]
  readonly stores: readonly Store[]
  /** Values computed here and kept for later passes. */
  readonly keeps: readonly Scalar[]
  /** Vectors of the column axis in one turn of the loop, where the lanes span it. */
  readonly unroll: number
}

export interface Plan {
  /** The lanes span the innermost column axis, the innermost row axis, or nothing. */
  readonly vector: 'column' | 'row' | 'none'
  /** Vectors of the row axis at once, where the lanes span it. */
  readonly unroll: number
  readonly passes: readonly Pass[]
}

const KEPT_BYTES = 1 << 18
const WORTH_KEEPING = 12
/** Pieces of code multiply with the pieces of an axis. */
const MOST_CUTS = 3
/** Vector registers left for accumulators. */
const ACCUMULATORS = 8

const slow: ReadonlySet<UnaryOp> = new Set<UnaryOp>([
  'exp',
  'exp2',
  'expm1',
  'log',
  'log2',
  'log1p',
  'sin',
  'cos',
  'tan',
  'tanh',
  'sinh',
  'cosh',
  'sigmoid',
  'erf',
])
/** Instructions of one scalar by itself, roughly. */
const costOf = (s: Scalar): number => {
  switch (s.kind) {
    case 'const':
    case 'reduced':
      return 0
    case 'unary':
      return slow.has(s.op) ? 24 : s.op === 'rsqrt' || s.op === 'sqrt' ? 6 : 1
    case 'binary':
      return s.op === 'pow' ? 60 : s.op === 'mod' ? 12 : s.op === 'div' ? 3 : 1
    case 'index':
    case 'within':
    case 'load':
    case 'select':
    case 'cast':
      return 1
  }
}
const totalCost = (roots: readonly Scalar[]): number => linearize(roots).reduce((sum, s) => sum + costOf(s), 0)

const scalarsOf = (s: Store): readonly Scalar[] => [s.value, index(s.at)]
const rootsOfPass = (kernel: LoopKernel, pass: Split): readonly Scalar[] => [
  ...pass.reductions.map((r) => kernel.reductions[r]!.value),
  ...pass.stores.flatMap(scalarsOf),
]

type Split = Pick<Pass, 'reductions' | 'stores'>

/** Reductions that do not read one another share a pass; a store goes with the first pass that has all it reads. */
const passesOf = (kernel: LoopKernel): readonly Split[] => {
  const of: number[] = []
  const after = (roots: readonly Scalar[]): number =>
    Math.max(0, ...linearize(roots).map((s) => (s.kind === 'reduced' ? of[s.reduction]! + 1 : 0)))
  for (const { value } of kernel.reductions) of.push(after([value]))
  const running = kernel.reductions.some((r) => r.running)
  const last = Math.max(0, ...of.map((p) => p + 1))
  const stores = kernel.stores.filter((s) => s.scope === 'full')
  const storePass = stores.map((s) => {
    if (running) return 0
    // What other passes load must not change under them.
    return s.mode === 'add' || kernel.buffers[s.buffer]!.read ? last : after(scalarsOf(s))
  })
  const count = Math.max(0, ...of.map((p) => p + 1), ...storePass.map((p) => p + 1))
  return Array.from({ length: count }, (_, p) => ({
    reductions: kernel.reductions.map((_r, i) => i).filter((i) => of[i] === p),
    stores: stores.filter((_s, i) => storePass[i] === p),
  }))
}

/** The dearest values of earlier passes that later ones need again. */
const keptValues = (kernel: LoopKernel, passes: readonly Split[]): readonly (readonly Scalar[])[] => {
  const cols = new Set(kernel.cols)
  const computed = new Map<Scalar, number>()
  const keeps: Scalar[][] = passes.map(() => [])
  passes.forEach((pass, p) => {
    const seen = new Set<Scalar>()
    const need = (s: Scalar): void => {
      if (seen.has(s)) return
      seen.add(s)
      const home = computed.get(s)
      if (home !== undefined && home < p && totalCost([s]) >= WORTH_KEEPING && dependsOn(s, cols)) {
        if (!keeps[home]!.includes(s)) keeps[home]!.push(s)
        return
      }
      computed.set(s, p)
      operands(s).forEach(need)
    }
    rootsOfPass(kernel, pass).forEach(need)
  })
  return keeps
}

const dependsOn = (s: Scalar, axes: ReadonlySet<Axis>): boolean =>
  linearize([s]).some((x) => {
    const ix = x.kind === 'load' ? x.at : x.kind === 'index' || x.kind === 'within' ? x.ix : null
    let found = false
    if (ix !== null)
      I.visitAtoms(
        ix,
        (a) => (found ||= axes.has(a)),
        () => undefined,
      )
    return found
  })

/** Instructions per vector of accesses when the lanes span `axis`. */
export const accessCost = (indices: readonly Ix[], axis: Axis, lanes = 4): number => {
  const outer: Axis = { id: -2, extent: Math.max(2, Math.ceil(axis.extent / lanes)) }
  const others = Array.from({ length: lanes - 1 }, (_, l) => l + 1)
  const seen = new Set<string>()
  return indices.reduce((sum, ix) => {
    if (seen.has(ix.key)) return sum
    seen.add(ix.key)
    const lane = (l: number): Ix => {
      const whole = I.offset(I.scale(I.ofAxis(outer), lanes), l)
      return I.substitute(
        ix,
        (a) => (a === axis ? whole : I.ofAxis(a)),
        (s) => s,
      )
    }
    const first = lane(0)
    const steps = (by: number): boolean => others.every((l) => lane(l).key === I.offset(first, by * l).key)
    return sum + (steps(1) ? 1 : steps(0) ? 0.5 : 2 + lanes)
  }, 0)
}
export const accessesOf = (roots: readonly Scalar[], stores: readonly Store[]): readonly Ix[] => [
  ...linearize(roots).flatMap((s) => (s.kind === 'load' ? [s.at] : [])),
  ...stores.map((s) => s.at),
]
/** Lanes paid for over lanes used. */
const waste = (n: number, lanes: number): number => (Math.ceil(n / lanes) * lanes) / n

const vectorOf = (kernel: LoopKernel, lanes: number): Plan['vector'] => {
  const row = kernel.rows.at(-1)
  const col = kernel.cols.at(-1)
  const rowFits = row !== undefined && row.extent >= 4
  if (kernel.reductions.length === 0 || kernel.reductions.some((r) => r.running)) return rowFits ? 'row' : 'none'
  const full = kernel.stores.filter((s) => s.scope === 'full')
  const roots = [...kernel.reductions.map((r) => r.value), ...full.map((s) => s.value)]
  const indices = accessesOf(roots, full)
  const work = totalCost(roots)
  const cols = kernel.cols.reduce((n, a) => n * a.extent, 1)
  const rowCost = rowFits ? (accessCost(indices, row, lanes) + work) * waste(row.extent, lanes) : Infinity
  const horizontal = (12 * kernel.reductions.length * lanes) / Math.max(1, cols)
  const colFits = col !== undefined && col.extent >= 4
  const colCost = colFits ? (accessCost(indices, col, lanes) + work) * waste(col.extent, lanes) + horizontal : Infinity
  if (rowCost === Infinity && colCost === Infinity) return 'none'
  return colCost <= rowCost ? 'column' : 'row'
}

/** Vectors in flight: more where each is little work, as far as there are registers and elements for them. */
const unrollOf = (wanted: number, accumulators: number, axis: Axis | undefined, lanes: number): number =>
  Math.min(
    wanted,
    Math.max(1, Math.floor(ACCUMULATORS / Math.max(1, accumulators))),
    Math.max(1, Math.ceil((axis?.extent ?? 1) / lanes)),
  )
const byWork = (roots: readonly Scalar[]): number => {
  const work = totalCost(roots)
  return work <= 16 ? 4 : work <= 40 ? 2 : 1
}

/** Instructions of one vector up to which four of them are worth their code, where they are interleaved. */
const INTERLEAVED = 80

export interface PlanOptions {
  /** What the lanes span, where that is not open to choice. */
  readonly vector?: Plan['vector']
  /**
   * Whether the vectors of a turn go side by side through what is computed of them, so that what a processor looks ahead holds more of
   * each, and functions that are long chains of instructions gain by it.
   */
  readonly interleaved?: boolean
}

/** `lanes`: elements in a vector. */
export const planOf = (kernel: LoopKernel, lanes = 4, { interleaved = false, ...given }: PlanOptions = {}): Plan => {
  const vector = given.vector ?? vectorOf(kernel, lanes)
  const splits = passesOf(kernel)
  const most = Math.max(0, ...splits.map((p) => p.reductions.length))
  // Column reductions read whole cache lines: 16 columns at once, whatever the work.
  const values = kernel.stores.map((s) => s.value)
  const many = kernel.reductions.length > 0 || (interleaved && totalCost(values) <= INTERLEAVED)
  const wanted = many ? 4 : byWork(values)
  const unroll = vector === 'row' ? unrollOf(wanted, most, kernel.rows.at(-1), lanes) : 1
  const keeps = keptValues(kernel, splits)
  const elements = kernel.cols.reduce((n, a) => n * a.extent, 1) * (vector === 'row' ? lanes * unroll : 1)
  const fits = keeps.flat().length * elements * 4 <= KEPT_BYTES
  const passes = splits.map((p, i) => ({
    ...p,
    keeps: fits ? keeps[i]! : [],
    unroll:
      vector === 'column'
        ? unrollOf(byWork(rootsOfPass(kernel, p)), p.reductions.length, kernel.cols.at(-1), lanes)
        : 1,
  }))
  return { vector, unroll, passes }
}

/**
 * Where an axis is best cut: the points at which a predicate or a clamp on it alone changes its mind, so that it is
 * constant between them. None where there are many.
 */
export const cutsOf = (kernel: LoopKernel, axis: Axis): readonly number[] => {
  const cuts = new Set<number>()
  const cut = (ix: Ix, lo: number, hi: number): void => {
    const [only] = ix.terms
    if (only === undefined || ix.terms.length > 1 || only.atom.kind !== 'axis' || only.atom.axis !== axis) return
    if (Math.abs(only.coef) !== 1) return
    // lo <= a + c < hi  or  lo <= c - a < hi
    const points = only.coef === 1 ? [lo - ix.constant, hi - ix.constant] : [ix.constant - hi + 1, ix.constant - lo + 1]
    for (const p of points) if (p > 0 && p < axis.extent) cuts.add(p)
  }
  const clamps = (ix: Ix): void => {
    for (const { atom } of ix.terms) {
      if (atom.kind === 'axis' || atom.kind === 'value') continue
      if (atom.kind === 'clamp') cut(atom.of, atom.lo, atom.hi + 1)
      clamps(atom.of)
    }
  }
  const roots = [...kernel.reductions.map((r) => r.value), ...kernel.stores.flatMap(scalarsOf)]
  for (const s of linearize(roots)) {
    if (s.kind === 'within') cut(s.ix, s.lo, s.hi)
    if (s.kind === 'load') clamps(s.at)
  }
  return cuts.size <= MOST_CUTS ? [...cuts].sort((x, y) => x - y) : []
}
