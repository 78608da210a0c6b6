/**
 * The meaning of the loop IR: a kernel run in doubles and exact integers over plain arrays. It is the oracle of every
 * backend that prints kernels, so it favours the obvious over the fast, and throws where a kernel breaks the IR's rules.
 */
import { type DType, dtypes, isFloat, type Register, registerOf } from '../base/dtype.ts'
import { erfOf, floorMod, powerOf, roundHalfEven } from './functions.ts'
import type { Axis, Ix } from './ix.ts'
import type { DotKernel, Kernel, LoopKernel, Store } from './kernel.ts'
import { type BinaryOp, emptyReduction, linearize, type ReduceOp, type Scalar, type UnaryOp } from './scalar.ts'

/** Runs `kernel` on `buffers`, one array of doubles for each of the kernel's buffers; those it writes are changed. */
export const interpret = (kernel: Kernel, buffers: readonly Float64Array[]): void => {
  kernel.buffers.forEach(({ size }, i) => {
    if (buffers[i]!.length < size)
      throw new RangeError(`interpret(${kernel.name}): buffer ${i} holds ${buffers[i]!.length} elements, needs ${size}`)
  })
  if (kernel.kind === 'dot') interpretDot(kernel, buffers)
  else if (kernel.kind === 'loop') interpretLoop(kernel, buffers)
  else {
    const whole = (i: number): Float64Array => buffers[i]!.subarray(0, kernel.buffers[i]!.size)
    kernel.template.meaning(kernel.args.map(whole), kernel.outs.map(whole), kernel.params)
  }
}

/** Where the loops stand: the value of each axis by id, and of each reduction by position. */
interface Point {
  readonly axes: Map<number, number>
  readonly reduced: number[]
}

const interpretLoop = (kernel: LoopKernel, buffers: readonly Float64Array[]): void => {
  const point: Point = { axes: new Map(), reduced: [] }
  const row = interpretRow(kernel, kernel.cols, buffers)
  overAll(kernel.rows, point, () => row(point))
}

/** The sums of a row first: each is the first of the reduced values while its column goes by. */
const interpretDot = (kernel: DotKernel, buffers: readonly Float64Array[]): void => {
  const { batch, m, n, k } = kernel
  const a = evaluator(kernel, kernel.a, buffers)
  const b = evaluator(kernel, kernel.b, buffers)
  const sums = new Float64Array(n.extent)
  const row = interpretRow(kernel, [n], buffers, [(p) => sums[p.axes.get(n.id)!]!])
  const point: Point = { axes: new Map(), reduced: [] }
  overAll([...batch, m], point, () => {
    overAll([n], point, () => {
      let sum = 0
      overAll([k], point, () => {
        sum += a(point) * b(point)
      })
      sums[point.axes.get(n.id)!] = sum
    })
    row(point)
  })
}

/** The reductions and stores of a row, after values that each column has already: they are the first of the reduced ones. */
const interpretRow = (
  kernel: LoopKernel | DotKernel,
  cols: readonly Axis[],
  buffers: readonly Float64Array[],
  given: readonly ((p: Point) => number)[] = [],
): ((p: Point) => void) => {
  const { reductions } = kernel
  const values = reductions.map((r) => evaluator(kernel, r.value, buffers))
  const store = (scope: Store['scope']): ((p: Point) => void) =>
    storing(
      kernel,
      kernel.stores.filter((s) => s.scope === scope),
      buffers,
    )
  const rowStores = store('row')
  const fullStores = store('full')
  return (point) => {
    const overColumns = (visit: () => void): void =>
      overAll(cols, point, () => {
        given.forEach((of, i) => {
          point.reduced[i] = of(point)
        })
        visit()
      })
    reductions.forEach(({ op, dtype, running }, r) => {
      const i = given.length + r
      point.reduced[i] = emptyReduction(op, dtype)
      overColumns(() => {
        point.reduced[i] = combine(op, dtype, point.reduced[i]!, values[r]!(point))
        if (running) fullStores(point)
      })
    })
    rowStores(point)
    if (!reductions.some((r) => r.running)) overColumns(() => fullStores(point))
  }
}

/** Visits every point of the axes, the last one fastest. */
const overAll = (axes: readonly Axis[], point: Point, visit: () => void): void => {
  const from = (i: number): void => {
    const axis = axes[i]
    if (axis === undefined) {
      visit()
      return
    }
    for (let v = 0; v < axis.extent; v++) {
      point.axes.set(axis.id, v)
      from(i + 1)
    }
  }
  from(0)
}

/** The stores of one point: every value and position is read before the first element is written. */
const storing = (kernel: Kernel, stores: readonly Store[], buffers: readonly Float64Array[]): ((p: Point) => void) => {
  const values = stores.map((s) => evaluator(kernel, s.value, buffers))
  const positions = stores.map((s) => positioner(kernel, s.at, buffers))
  return (p) => {
    const value = values.map((v) => v(p))
    const at = positions.map((f) => f(p))
    stores.forEach(({ buffer, mode }, i) => {
      const data = buffers[buffer]!
      const slot = at[i]!
      if (!(slot >= 0 && slot < kernel.buffers[buffer]!.size))
        throw new RangeError(
          `interpret(${kernel.name}): store at ${slot} outside of buffer ${buffer} of ${kernel.buffers[buffer]!.size}`,
        )
      data[slot] =
        mode === 'set' ? value[i]! : combine('sum', registerOf(kernel.buffers[buffer]!.dtype), data[slot]!, value[i]!)
    })
  }
}

/** A scalar as a function of the point. Shared subexpressions are computed once a point. */
const evaluator = (kernel: Kernel, root: Scalar, buffers: readonly Float64Array[]): ((p: Point) => number) => {
  const steps = linearize([root])
  const slot = new Map(steps.map((s, i) => [s, i]))
  const values = new Float64Array(steps.length)
  const of = (s: Scalar): number => values[slot.get(s)!]!
  const at = (ix: Ix, p: Point): number => position(ix, p, of)
  const step = (s: Scalar, p: Point): number => {
    switch (s.kind) {
      case 'const':
        return s.value
      case 'index':
        return at(s.ix, p)
      case 'within': {
        const i = at(s.ix, p)
        return i >= s.lo && i < s.hi ? 1 : 0
      }
      case 'load': {
        const i = at(s.at, p)
        const { size } = kernel.buffers[s.buffer]!
        if (!(i >= 0 && i < size))
          throw new RangeError(`interpret(${kernel.name}): load at ${i} outside of buffer ${s.buffer} of ${size}`)
        return buffers[s.buffer]![i]!
      }
      case 'reduced':
        return p.reduced[s.reduction]!
      case 'unary':
        return unaryOps[s.op](of(s.x), s.x.dtype)
      case 'binary':
        return binaryOps[s.op](of(s.x), of(s.y), s.x.dtype)
      case 'select':
        return of(s.cond) !== 0 ? of(s.x) : of(s.y)
      case 'cast':
        return convert(of(s.x), s.x.dtype, s.dtype)
    }
  }
  return (p) => {
    steps.forEach((s, i) => {
      values[i] = step(s, p)
    })
    return of(root)
  }
}

const positioner = (kernel: Kernel, ix: Ix, buffers: readonly Float64Array[]): ((p: Point) => number) => {
  const inner = new Map<Scalar, (p: Point) => number>()
  return (p) =>
    position(ix, p, (s) => {
      const known = inner.get(s) ?? evaluator(kernel, s, buffers)
      inner.set(s, known)
      return known(p)
    })
}

/** The value of an index where the axes stand. */
const position = (ix: Ix, p: Point, of: (s: Scalar) => number): number =>
  ix.terms.reduce((sum, { coef, atom }) => {
    switch (atom.kind) {
      case 'axis':
        return sum + coef * p.axes.get(atom.axis.id)!
      case 'div':
        return sum + coef * Math.floor(position(atom.of, p, of) / atom.by)
      case 'mod':
        return sum + coef * floorMod(position(atom.of, p, of), atom.by)
      case 'clamp':
        return sum + coef * bound(position(atom.of, p, of), atom.lo, atom.hi)
      case 'value':
        return sum + coef * bound(of(atom.scalar), 0, atom.extent - 1)
    }
  }, ix.constant)

const bound = (x: number, lo: number, hi: number): number => Math.min(Math.max(x, lo), hi)

const reducer: Readonly<Record<ReduceOp, BinaryOp>> = { sum: 'add', prod: 'mul', max: 'max', min: 'min' }
const combine = (op: ReduceOp, dtype: DType, x: number, y: number): number => binaryOps[reducer[op]](x, y, dtype)

/** Integers wrap; floats stay doubles. */
const wrap = (x: number, dtype: DType): number => (isFloat(dtype) ? x : dtypes[dtype].round(x))

const convert = (x: number, from: Register, dtype: Register): number => {
  switch (dtype) {
    case 'f32':
      return x
    case 'bool':
      return x !== 0 ? 1 : 0 // NaN != 0 holds
    case 'i32':
    case 'u32':
      if (!isFloat(from)) return wrap(x, dtype) // the bits stay
      return Number.isNaN(x) ? 0 : bound(Math.trunc(x), dtypes[dtype].lowest, dtypes[dtype].highest)
  }
}

const unaryOps: Readonly<Record<UnaryOp, (x: number, dtype: DType) => number>> = {
  neg: (x, dtype) => wrap(-x, dtype),
  abs: (x, dtype) => wrap(Math.abs(x), dtype),
  sign: Math.sign,
  not: (x) => (x === 0 ? 1 : 0),
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  exp: Math.exp,
  exp2: (x) => 2 ** x,
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  tanh: Math.tanh,
  sinh: Math.sinh,
  cosh: Math.cosh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  erf: erfOf,
  isnan: (x) => (Number.isNaN(x) ? 1 : 0),
  isinf: (x) => (Math.abs(x) === Infinity ? 1 : 0),
  f16: dtypes.f16.round,
  bf16: dtypes.bf16.round,
}

const flag =
  (f: (x: number, y: number) => boolean) =>
  (x: number, y: number): number =>
    f(x, y) ? 1 : 0
const bitwise =
  (f: (x: number, y: number) => number) =>
  (x: number, y: number, dtype: DType): number =>
    wrap(f(x, y), dtype)

/** x^y by squaring, modulo 2^32; a negative exponent truncates 1 / x^|y| to 0 unless x is 1 or -1. */
const integerPower = (x: number, y: number, dtype: DType): number => {
  if (dtype !== 'u32' && y < 0) return x === 1 ? 1 : x === -1 ? (y % 2 === 0 ? 1 : -1) : 0
  let result = 1
  for (let e = y >>> 0, b = x; e > 0; e >>>= 1, b = Math.imul(b, b)) if (e & 1) result = Math.imul(result, b)
  return wrap(result, dtype)
}

/** Integer division by zero gives 0, and so does the remainder. */
const binaryOps: Readonly<Record<BinaryOp, (x: number, y: number, dtype: DType) => number>> = {
  add: (x, y, dtype) => wrap(x + y, dtype),
  sub: (x, y, dtype) => wrap(x - y, dtype),
  mul: (x, y, dtype) => (isFloat(dtype) ? x * y : wrap(Math.imul(x, y), dtype)),
  div: (x, y, dtype) => (isFloat(dtype) ? x / y : y === 0 ? 0 : wrap(Math.trunc(x / y), dtype)),
  mod: (x, y, dtype) => (isFloat(dtype) ? floorMod(x, y) : y === 0 ? 0 : wrap(floorMod(x, y), dtype)),
  pow: (x, y, dtype) => (isFloat(dtype) ? powerOf(x, y) : integerPower(x, y, dtype)),
  max: (x, y) => Math.max(x, y),
  min: (x, y) => Math.min(x, y),
  and: bitwise((x, y) => x & y),
  or: bitwise((x, y) => x | y),
  xor: bitwise((x, y) => x ^ y),
  shl: bitwise((x, y) => x << y),
  shr: (x, y, dtype) => wrap(dtype === 'i32' ? x >> y : x >>> y, dtype),
  eq: flag((x, y) => x === y),
  ne: flag((x, y) => x !== y),
  lt: flag((x, y) => x < y),
  le: flag((x, y) => x <= y),
  gt: flag((x, y) => x > y),
  ge: flag((x, y) => x >= y),
}
