/**
 * The laws of every primitive, run over the list of all records: a record without a case here fails. A case is valid by
 * construction, and lies away from kinks, so that derivatives exist.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  awkward,
  axesOf,
  between,
  type Data,
  data,
  dims,
  directionalDerivative,
  distinct,
  inner,
  mismatch,
  permutations,
  positiveDims,
  shapes,
  tolerances,
} from '@adjoint/testing'
import { interpret } from '../codegen/interpret.ts'
import * as ix from '../codegen/ix.ts'
import type { Kernel, LoopKernel } from '../codegen/kernel.ts'
import * as scalar from '../codegen/scalar.ts'
import { type DType, dtypes, isFloat } from '../dtype.ts'
import { evaluate, evaluateWith } from '../evaluate.ts'
import { apply, type Expr, type Primitive, toposort, type Value } from '../expr.ts'
import { sizeOf } from '../shape.ts'
import * as p from './index.ts'

/** Operands and parameters of one application. */
interface Case {
  readonly args: readonly Data[]
  readonly params: unknown
}
type Cases = fc.Arbitrary<Case>

const alone = (element: fc.Arbitrary<number>, dtypesOf: readonly DType[] = ['f32']): Cases =>
  fc
    .tuple(shapes(), fc.constantFrom(...dtypesOf))
    .chain(([shape, dtype]) => data(shape, dtype, isFloat(dtype) ? element : undefined))
    .map((x) => ({ args: [x], params: null }))
const positive = between(0.1, 3)
const signed = fc.tuple(fc.boolean(), between(0.1, 2)).map(([minus, x]) => (minus ? -x : x))
/** Away from integers and from halves. */
const fractional = fc.tuple(fc.integer({ min: -4, max: 4 }), between(0.1, 0.4)).map(([n, r]) => n + r)
const numbers: readonly DType[] = ['f32', 'i32', 'u32']
const all: readonly DType[] = [...numbers, 'bool']

const pair = (
  dtypesOf: readonly DType[],
  x: fc.Arbitrary<number> = between(-3, 3),
  y: fc.Arbitrary<number> = between(-3, 3),
): Cases =>
  fc
    .tuple(shapes(), fc.constantFrom(...dtypesOf))
    .chain(([shape, dtype]) =>
      isFloat(dtype)
        ? fc.tuple(data(shape, dtype, x), data(shape, dtype, y))
        : fc.tuple(data(shape, dtype), data(shape, dtype)),
    )
    .map((args) => ({ args, params: null }))
/** Never equal, nor near: tenths against tenths and a half. */
const tenths = fc.integer({ min: -30, max: 30 }).map((n) => n / 10)
const apart = (dtypesOf: readonly DType[]): Cases =>
  pair(
    dtypesOf,
    tenths,
    tenths.map((v) => v + 0.05),
  )

const anyData = (bounds: Parameters<typeof shapes>[0] = {}): fc.Arbitrary<Data> =>
  fc.tuple(shapes(bounds), fc.constantFrom(...all)).chain(([shape, dtype]) => data(shape, dtype))
const withAxis = (bounds: Parameters<typeof shapes>[0], element: (shape: readonly number[]) => fc.Arbitrary<Data>) =>
  shapes({ minRank: 1, ...bounds })
    .chain((shape) => fc.tuple(element(shape), fc.nat(shape.length - 1)))
    .map(([x, axis]) => ({ x, axis }))
const reduced = (element: (shape: readonly number[]) => fc.Arbitrary<Data>, dim = dims): Cases =>
  shapes({ dim })
    .chain((shape) => fc.tuple(element(shape), axesOf(shape.length)))
    .map(([x, axes]) => ({ args: [x], params: { axes } }))
const numeric = (shape: readonly number[]): fc.Arbitrary<Data> =>
  fc.constantFrom(...numbers).chain((dtype) => data(shape, dtype))
/** Positions, some out of range. */
const positions = (shape: readonly number[], n: number): fc.Arbitrary<Data> =>
  fc
    .constantFrom<DType>('i32', 'u32')
    .chain((dtype) => data(shape, dtype, fc.integer({ min: dtype === 'i32' ? -2 : 0, max: n + 1 })))
const gathers = shapes({ minRank: 1, dim: positiveDims }).chain((shape) =>
  fc.tuple(fc.constant(shape), fc.nat(shape.length - 1), shapes({ maxRank: 2, dim: fc.constantFrom(0, 1, 2, 3) })),
)
const replaced = (shape: readonly number[], axis: number, by: readonly number[]): readonly number[] => [
  ...shape.slice(0, axis),
  ...by,
  ...shape.slice(axis + 1),
]
/** A shape, a block that fits, and starts of which some are out of range. */
const blocks = shapes({ dim: positiveDims }).chain((shape) =>
  fc.tuple(
    fc.constant(shape),
    fc.tuple(...shape.map((d) => fc.nat(d))),
    fc.tuple(...shape.map((d) => data([], 'i32', fc.integer({ min: -2, max: d + 1 })))),
  ),
)

const cases = new Map<Primitive<never>, Cases>()
const on = (prims: readonly Primitive<never>[], arbitrary: Cases): void => {
  for (const prim of prims) cases.set(prim, arbitrary)
}
on([p.negP, p.absP, p.signP], alone(signed, ['f32', 'i32']))
on([p.floorP, p.ceilP, p.roundP], alone(fractional))
on([p.expP, p.exp2P, p.expm1P, p.sinP, p.cosP, p.sinhP, p.coshP, p.tanhP, p.sigmoidP, p.erfP], alone(between(-2, 2)))
on([p.tanP], alone(between(-1, 1)))
on([p.logP, p.log2P, p.log1pP, p.sqrtP, p.rsqrtP], alone(positive))
on([p.reciprocalP], alone(signed))
on([p.isnanP, p.isinfP], alone(fc.constantFrom(0, 1, NaN, Infinity, -Infinity)))
on([p.notP], alone(fc.nat(1), ['bool']))
on([p.addP, p.subP, p.mulP], pair(numbers))
on([p.divP], pair(numbers, undefined, signed))
// x / y away from integers
on([p.modP], pair(numbers, fc.constantFrom(0.3, -0.7, 1.3, -2.2), fc.constantFrom(1, -1, 0.5)))
on([p.powP], pair(['f32'], positive))
on([p.maximumP, p.minimumP], apart(numbers))
on([p.andP, p.orP, p.xorP], pair(['i32', 'u32', 'bool']))
on(
  [p.shlP, p.shrP],
  fc
    .tuple(shapes(), fc.constantFrom<DType>('i32', 'u32'))
    .chain(([shape, dtype]) => fc.tuple(data(shape, dtype), data(shape, dtype, fc.nat(31))))
    .map((args) => ({ args, params: null })),
)
on([p.eqP, p.neP, p.ltP, p.leP, p.gtP, p.geP], pair(all, fc.constantFrom(0, 1, 2, NaN), fc.constantFrom(0, 1, 2, NaN)))
on(
  [p.whereP],
  fc
    .tuple(shapes(), fc.constantFrom(...all))
    .chain(([shape, dtype]) => fc.tuple(data(shape, 'bool'), data(shape, dtype), data(shape, dtype)))
    .map((args) => ({ args, params: null })),
)
on(
  [p.castP],
  fc.tuple(anyData(), fc.constantFrom(...all)).map(([x, dtype]) => ({ args: [x], params: { dtype } })),
)
on(
  [p.threefryP],
  fc
    .tuple(shapes(), fc.nat(1))
    .chain(([shape, word]) => {
      const words = data(shape, 'u32', fc.nat(0xffffffff))
      return fc.tuple(fc.tuple(words, words, words, words), fc.constant(word))
    })
    .map(([args, word]) => ({ args, params: { word } })),
)
on(
  [p.constantP],
  anyData().map((x) => ({ args: [], params: { ...x, data: dtypes[x.dtype].allocate(sizeOf(x.shape)) } })),
)
on(
  [p.fillP],
  fc
    .tuple(shapes(), fc.constantFrom(...all), fc.nat(1))
    .map(([shape, dtype, value]) => ({ args: [], params: { shape, dtype, value } })),
)
on(
  [p.iotaP],
  shapes({ minRank: 1 })
    .chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1), fc.constantFrom(...numbers)))
    .map(([shape, axis, dtype]) => ({ args: [], params: { shape, axis, dtype } })),
)
on([p.reduceSumP], reduced(numeric))
on(
  [p.reduceProdP],
  reduced((shape) => data(shape, 'f32', fc.constantFrom(0, 0.5, -1, 1.5, 2))),
)
on([p.reduceMaxP, p.reduceMinP], reduced(distinct, positiveDims))
on(
  [p.reshapeP],
  anyData()
    .chain((x) => fc.tuple(fc.constant(x), permutations(x.shape.length), fc.nat(3)))
    .map(([x, perm, at]) => ({
      args: [x],
      params: {
        shape: replaced(
          perm.map((i) => x.shape[i]!),
          perm.length,
          [],
        ).toSpliced(at % (perm.length + 1), 0, 1),
      },
    })),
)
on(
  [p.transposeP],
  anyData()
    .chain((x) => fc.tuple(fc.constant(x), permutations(x.shape.length)))
    .map(([x, perm]) => ({ args: [x], params: { perm } })),
)
on(
  [p.broadcastToP],
  shapes()
    .chain((shape) => fc.tuple(fc.constant(shape), axesOf(shape.length)))
    .chain(([shape, axes]) => fc.tuple(data(shape.map((d, i) => (axes.includes(i) ? 1 : d))), fc.constant({ shape })))
    .map(([x, params]) => ({ args: [x], params })),
)
on(
  [p.sliceP],
  anyData()
    .chain((x) => fc.tuple(fc.constant(x), ...x.shape.map((d) => fc.tuple(fc.nat(d), fc.nat(d)))))
    .map(([x, ...cuts]) => ({
      args: [x],
      params: { starts: cuts.map((c) => Math.min(...c)), limits: cuts.map((c) => Math.max(...c)) },
    })),
)
on(
  [p.padP],
  anyData()
    .chain((x) => {
      const counts = fc.array(fc.nat(2), { minLength: x.shape.length, maxLength: x.shape.length })
      return fc.tuple(fc.constant(x), counts, counts)
    })
    .map(([x, lo, hi]) => ({ args: [x], params: { lo, hi } })),
)
on(
  [p.flipP],
  anyData()
    .chain((x) => fc.tuple(fc.constant(x), axesOf(x.shape.length)))
    .map(([x, axes]) => ({ args: [x], params: { axes } })),
)
on(
  [p.concatP],
  fc
    .tuple(shapes({ minRank: 1 }), fc.constantFrom(...all), fc.array(dims, { minLength: 1, maxLength: 4 }), fc.nat(9))
    .chain(([shape, dtype, lengths, at]) => {
      const axis = at % shape.length
      return fc.tuple(fc.constant(axis), ...lengths.map((n) => data(replaced(shape, axis, [n]), dtype)))
    })
    .map(([axis, ...args]) => ({ args, params: { axis } })),
)
on(
  [p.dotP],
  fc
    .tuple(shapes({ maxRank: 2 }), dims, dims, dims)
    .chain(([batch, m, k, n]) => fc.tuple(data([...batch, m, k]), data([...batch, k, n])))
    .map((args) => ({ args, params: null })),
)
on(
  [p.takeP],
  gathers
    .chain(([shape, axis, at]) => fc.tuple(data(shape), positions(at, shape[axis]!), fc.constant({ axis })))
    .map(([x, indices, params]) => ({ args: [x, indices], params })),
)
on(
  [p.takeAlongAxisP],
  gathers
    .chain(([shape, axis, at]) =>
      fc.tuple(data(shape), positions(replaced(shape, axis, [at[0] ?? 1]), shape[axis]!), fc.constant({ axis })),
    )
    .map(([x, indices, params]) => ({ args: [x, indices], params })),
)
on(
  [p.scatterAddP],
  gathers
    .chain(([shape, axis, at]) =>
      fc.tuple(data(shape), positions(at, shape[axis]!), data(replaced(shape, axis, at)), fc.constant({ axis })),
    )
    .map(([x, indices, updates, params]) => ({ args: [x, indices, updates], params })),
)
on(
  [p.dynamicSliceP],
  blocks
    .chain(([shape, sizes, starts]) => fc.tuple(data(shape), fc.constant(starts), fc.constant({ sizes })))
    .map(([x, starts, params]) => ({ args: [x, ...starts], params })),
)
on(
  [p.dynamicUpdateSliceP],
  blocks
    .chain(([shape, sizes, starts]) => fc.tuple(data(shape), data(sizes), fc.constant(starts)))
    .map(([x, update, starts]) => ({ args: [x, update, ...starts], params: null })),
)
on(
  [p.cumsumP, p.reverseCumsumP],
  withAxis({}, numeric).map(({ x, axis }) => ({ args: [x], params: { axis } })),
)
on(
  [p.argsortP],
  fc
    .oneof(
      {
        weight: 3,
        arbitrary: withAxis({}, (shape) =>
          fc
            .constantFrom(...all)
            .chain((dtype) =>
              data(shape, dtype, dtype === 'f32' ? fc.constantFrom(0, -1, 1, 2, NaN, Infinity, -Infinity) : undefined),
            ),
        ),
      },
      { weight: 1, arbitrary: withAxis({ maxRank: 2, dim: fc.constantFrom(1, 2, 65, 100, 128) }, numeric) },
    )
    .chain(({ x, axis }) => fc.boolean().map((descending) => ({ args: [x], params: { axis, descending } }))),
)
on(
  [p.stopGradientP, p.inputP],
  anyData().map((x) => ({ args: [x], params: null })),
)
on(
  [p.afterP],
  fc.tuple(anyData(), anyData()).map((args) => ({ args, params: null })),
)

/** No value of their own; covered by the tests of the devices. */
const placeholders: readonly Primitive<never>[] = [p.parameterP, p.bufferP]

const node = (prim: Primitive<never>, args: readonly Expr[], params: unknown): Expr =>
  // the table pairs each record with its own parameters
  apply(prim as Primitive<unknown>, args, params)
const asParameters = (args: readonly Data[]): readonly Expr[] => args.map((a) => p.parameter(a))
const binding = (exprs: readonly Expr[], args: readonly Data[]): ReadonlyMap<Expr, Value> =>
  new Map(exprs.map((e, i) => [e, args[i]!]))
const valueOf = (root: Expr, exprs: readonly Expr[], args: readonly Data[]): Value =>
  evaluateWith([root], binding(exprs, args))[0]!

/** Reverse mode in miniature: cotangents of `wrt` for the cotangent `ct` of `root`. */
const pullback = (root: Expr, ct: Expr, wrt: readonly Expr[]): readonly Expr[] => {
  const cts = new Map<Expr, Expr>([[root, ct]])
  for (const e of toposort([root]).toReversed()) {
    const own = cts.get(e)
    if (own === undefined || wrt.includes(e)) continue
    e.prim.vjp(own, e, e.params).forEach((c, i) => {
      const arg = e.args[i]!
      const before = cts.get(arg)
      if (c !== null) cts.set(arg, before === undefined ? c : p.add(before, c))
    })
  }
  return wrt.map((w) => cts.get(w) ?? p.fillLike(w, 0))
}

const NUM_RUNS = 60
const laws = (
  law: string,
  body: (prim: Primitive<never>, c: Case, more: fc.GeneratorValue) => void,
  numRuns = NUM_RUNS,
) => {
  describe(law, () => {
    for (const [prim, arbitrary] of cases)
      it(prim.name, () => {
        fc.assert(
          fc.property(arbitrary, fc.gen(), (c, more) => body(prim, c, more)),
          { seed: 20261123, numRuns, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: true },
        )
      })
  })
}
const equal = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = tolerances.double): void => {
  expect(mismatch(actual, expected, tolerance)).toBeNull()
}

it('every record has a case', () => {
  for (const prim of p.primitives) expect(cases.has(prim) || placeholders.includes(prim), prim.name).toBe(true)
})

laws('the shape rule gives the shape and the dtype of the value', (prim, { args, params }) => {
  const exprs = asParameters(args)
  const out = node(prim, exprs, params)
  const { data: values } = valueOf(out, exprs, args)
  expect(values.length).toBe(sizeOf(out.shape))
  if (!isFloat(out.dtype)) for (const v of values) expect(dtypes[out.dtype].round(v)).toBe(v)
})

const differentiable = (args: readonly Data[], prim: Primitive<never>): readonly number[] =>
  prim === p.stopGradientP ? [] : args.flatMap((a, i) => (isFloat(a.dtype) ? [i] : []))

laws('the adjoint is that of the differences, to second order', (prim, { args, params }, more) => {
  const exprs = asParameters(args)
  const out = node(prim, exprs, params)
  const which = differentiable(args, prim)
  if (!isFloat(out.dtype) || which.length === 0) return
  const wrt = which.map((i) => exprs[i]!)
  const floats = which.map((i) => args[i]!.data)
  const random = (like: { readonly shape: readonly number[] }): Data => more(data, like.shape)
  const at = (root: Expr, extra: ReadonlyMap<Expr, Value>) => (moved: readonly Float64Array[]) => {
    const bound = new Map([...binding(exprs, args), ...extra])
    wrt.forEach((e, k) => bound.set(e, { shape: e.shape, dtype: e.dtype, data: moved[k]! }))
    return evaluateWith([root], bound)[0]!.data
  }
  const check = (f: (x: readonly Float64Array[]) => number, gradients: readonly Float64Array[]): void => {
    const v = wrt.map((e) => random(e).data)
    const slope = directionalDerivative(f, floats, v)
    const scale = inner(
      gradients.map((g) => g.map(Math.abs)),
      v.map((d) => d.map(Math.abs)),
    )
    expect(Math.abs(inner(gradients, v) - slope)).toBeLessThanOrEqual(2e-6 * (1 + scale + Math.abs(slope)))
  }
  const ct = p.parameter(out)
  const ctValue = random(out)
  const extra = new Map<Expr, Value>([[ct, ctValue]])
  const gradients = pullback(out, ct, wrt)
  const everything = (roots: readonly Expr[], bound: ReadonlyMap<Expr, Value>): readonly Float64Array[] =>
    evaluateWith(roots, new Map([...binding(exprs, args), ...bound])).map((v) => v.data)
  check((x) => inner([at(out, extra)(x)], [ctValue.data]), everything(gradients, extra))

  // h(x) = sum_i <gradient_i(x), u_i>, differentiated once more
  for (const gradient of gradients) {
    const u = p.parameter(gradient)
    const uValue = random(gradient)
    const both = new Map([...extra, [u, uValue] as const])
    check((x) => inner([at(gradient, extra)(x)], [uValue.data]), everything(pullback(gradient, u, wrt), both))
  }
})

laws('the batch rule is the stack of the single results', (prim, { args, params }, more) => {
  if (args.length === 0) return
  const size = more(() => fc.constantFrom(1, 2, 3))
  const flags = args.map(() => more(fc.boolean))
  const batched = flags.includes(true) ? flags : args.map(() => true)
  // the elements of the other members are those of the first in another order
  const members = Array.from({ length: size }, (_, b) =>
    args.map((a, i) => (batched[i]! ? { ...a, data: a.data.map((_, k) => a.data[(k + b) % a.data.length]!) } : a)),
  )
  const stacked = args.map((a, i) =>
    batched[i]!
      ? { shape: [size, ...a.shape], dtype: a.dtype, data: Float64Array.from(members.flatMap((m) => [...m[i]!.data])) }
      : a,
  )
  const exprs = asParameters(stacked)
  const out = (prim as Primitive<unknown>).batch(exprs, batched, size, params)
  const single = asParameters(args)
  const one = node(prim, single, params)
  expect(out.shape).toEqual([size, ...one.shape])
  expect(out.dtype).toBe(one.dtype)
  equal(
    valueOf(out, exprs, stacked).data,
    members.flatMap((m) => [...valueOf(one, single, m).data]),
  )
})

/** One kernel (or composition) that does what the record's lowering says, run by the interpreter of the loop IR. */
const lowered = (out: Expr, args: readonly Data[], exprs: readonly Expr[]): ArrayLike<number> => {
  const { lower } = out.prim
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
    run({ kind: 'loop', name: out.prim.name, buffers: declared, ...rest })
  switch (lower.kind) {
    case 'leaf':
      return evaluate([out])[0]!.data
    case 'after':
      return args[0]!.data
    case 'pointwise': {
      const rows = axesFor(out.shape)
      const index = rows.map(ix.ofAxis)
      const value = size === 0 ? scalar.constant(out.dtype, 0) : lower.at(index, access, out, out.params)
      const store = { buffer: args.length, at: ix.flatten(index, out.shape), value, scope: 'row', mode: 'set' } as const
      return loop({ rows, cols: [], reductions: [], stores: [store] })
    }
    case 'reduce':
    case 'scan': {
      const gone = lower.kind === 'reduce' ? lower.axes(out.params) : [lower.axis(out.params)]
      const every = axesFor(args[0]!.shape)
      const rows = every.filter((_, i) => !gone.includes(i))
      const scan = lower.kind === 'scan'
      const index = (scan ? every : rows).map(ix.ofAxis)
      return loop({
        rows,
        cols: every.filter((_, i) => gone.includes(i)),
        reductions: [{ op: lower.op, dtype: out.dtype, value: access(0, every.map(ix.ofAxis)), scan }],
        stores: [
          {
            buffer: args.length,
            at: ix.flatten(index, out.shape),
            value: scalar.reduced(0, out.dtype),
            scope: scan ? 'full' : 'row',
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
      equal(valueOf(lower.composition(exprs, out.params), exprs, args).data, valueOf(out, exprs, args).data)
      const rows = axesFor(lower.grid(out, out.params))
      const index = rows.map(ix.ofAxis)
      const stores = rows.some((r) => r.extent === 0)
        ? []
        : [
            {
              buffer: 0,
              at: ix.flatten(lower.to(index, access, out, out.params), out.shape),
              value: lower.value(index, access, out, out.params),
              scope: 'row',
              mode: lower.mode,
            } as const,
          ]
      return loop({ rows, cols: [], reductions: [], stores })
    }
    case 'composite':
      return valueOf(lower.expand(exprs, out.params), exprs, args).data
  }
}
laws('the lowering computes the value', (prim, { args, params }) => {
  const exprs = asParameters(args)
  const out = node(prim, exprs, params)
  equal(lowered(out, args, exprs), valueOf(out, exprs, args).data)
})

describe('the lowering of elementwise work computes the value of extremes, signed zeros, infinities and NaN', () => {
  for (const prim of p.elementwise)
    it(prim.name, () => {
      const extremes = cases
        .get(prim)!
        .chain(({ args, params }) =>
          fc.tuple(...args.map((a) => data(a.shape, a.dtype, awkward(a.dtype)))).map((args) => ({ args, params })),
        )
      fc.assert(
        fc.property(extremes, ({ args, params }) => {
          const exprs = asParameters(args)
          const out = node(prim, exprs, params)
          equal(lowered(out, args, exprs), valueOf(out, exprs, args).data)
        }),
        { seed: 20261123, numRuns: NUM_RUNS },
      )
    })
})
