/**
 * The laws of every primitive, run over the list of all records: a record without a case here fails. A case is valid by
 * construction, and lies away from kinks, so that derivatives exist.
 */
import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  awkward,
  approximated,
  type Case,
  cases,
  type Data,
  data,
  directionalDerivative,
  inner,
  placeholders,
  tolerances,
} from '@adjoint/testing'
import { type DType, dtypes, isFloat } from '../base/dtype.ts'
import { evaluateWith } from '../graph/evaluate.ts'
import { applyAll, type Expr, type Primitive, type Value } from '../graph/expr.ts'
import { simplify } from '../graph/simplify.ts'
import { toposort } from '../graph/walk.ts'
import { sameShape, sizeOf } from '../base/shape.ts'
import * as p from './index.ts'
import { asParameters, binding, equal, lowered, valueOf } from './lowered.support.ts'

const results = (prim: Primitive<never>, args: readonly Expr[], params: unknown): readonly Expr[] =>
  // the table pairs each record with its own parameters
  applyAll(prim as Primitive<unknown>, args, params)
/** Reverse mode in miniature: cotangents of `wrt` for the cotangent `ct` of `root`. */
const pullback = (root: Expr, ct: Expr, wrt: readonly Expr[]): readonly Expr[] => {
  const cts = new Map<Expr, Expr>([[root, ct]])
  for (const { prim, args, outs, params } of toposort([root]).toReversed()) {
    const own = outs.map((out) => cts.get(out) ?? null)
    if (own.every((ct) => ct === null) || outs.some((out) => wrt.includes(out))) continue
    const all = args.map(() => true)
    prim.vjp(own, outs, args, params, all).forEach((c, i) => {
      const arg = args[i]!
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

it('every record of this folder is listed', async () => {
  const files = readdirSync(new URL('.', import.meta.url)).filter(
    (f) => f.endsWith('.ts') && !/\.(test|support)\.ts$/.test(f),
  )
  const isRecord = (value: unknown): value is Primitive<never> =>
    typeof value === 'object' && value !== null && 'lower' in value
  for (const file of files) {
    const exported = (await import(new URL(file, import.meta.url).href)) as Readonly<Record<string, unknown>>
    for (const value of Object.values(exported))
      if (isRecord(value)) expect(p.primitives.includes(value), `${value.name} of ${file}`).toBe(true)
  }
})

it('every record has a case', () => {
  for (const prim of p.primitives) expect(cases.has(prim) || placeholders.includes(prim), prim.name).toBe(true)
})

laws('the shape rule gives the shape and the dtype of the value', (prim, { args, params }) => {
  const exprs = asParameters(args)
  for (const out of results(prim, exprs, params)) {
    const { data: values } = valueOf(out, exprs, args)
    expect(values.length).toBe(sizeOf(out.shape))
    if (!isFloat(out.dtype)) for (const v of values) expect(dtypes[out.dtype].round(v)).toBe(v)
  }
})

const differentiable = (args: readonly Data[], prim: Primitive<never>): readonly number[] =>
  prim === p.stopGradientP ? [] : args.flatMap((a, i) => (isFloat(a.dtype) ? [i] : []))

laws('the adjoint is that of the differences, to second order', (prim, { args, params }, more) => {
  const exprs = asParameters(args)
  for (const out of results(prim, exprs, params)) adjoint(prim, args, exprs, out, more)
})
const adjoint = (
  prim: Primitive<never>,
  args: readonly Data[],
  exprs: readonly Expr[],
  out: Expr,
  more: fc.GeneratorValue,
): void => {
  const which = differentiable(args, prim)
  if (!isFloat(out.dtype) || which.length === 0) return
  const wrt = which.map((i) => exprs[i]!)
  const floats = which.map((i) => args[i]!.data)
  const random = (like: { readonly shape: readonly number[] }): Data => more(data, like.shape)
  const at = (root: Expr, extra: ReadonlyMap<Expr, Value>) => (moved: readonly Float64Array[]) => {
    const bound = new Map([...binding(exprs, args), ...extra])
    wrt.forEach((e, k) => bound.set(e, { shape: e.shape, dtype: e.dtype, data: moved[k]! }))
    // where a position names no element the value is NaN, and depends on nothing
    return evaluateWith([root], bound)[0]!.data.map((v) => (Number.isNaN(v) ? 0 : v))
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
}

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
  const outs = (prim as Primitive<unknown>).batch(exprs, batched, size, params)
  const single = asParameters(args)
  results(prim, single, params).forEach((one, i) => {
    const out = outs[i]!
    expect(out.shape).toEqual([size, ...one.shape])
    expect(out.dtype).toBe(one.dtype)
    equal(
      valueOf(out, exprs, stacked).data,
      members.flatMap((m) => [...valueOf(one, single, m).data]),
    )
  })
})

laws('the lowering computes the value', (prim, { args, params }) => {
  const tolerance = approximated.includes(prim) ? tolerances.f32 : tolerances.double
  const exprs = asParameters(args)
  for (const out of results(prim, exprs, params))
    equal(lowered(out, args, exprs), valueOf(out, exprs, args).data, tolerance)
})

describe('the lowering of pointwise work computes the value of extremes, signed zeros, infinities and NaN', () => {
  for (const [prim, arbitrary] of cases) {
    // an order of something sorted is no free operand
    if (prim.lower.kind !== 'pointwise' || prim === p.mergeP || prim === p.boundsP) continue
    it(prim.name, () => {
      const extremes = arbitrary.chain(({ args, params }) =>
        fc.tuple(...args.map((a) => data(a.shape, a.dtype, awkward(a.dtype)))).map((args) => ({ args, params })),
      )
      fc.assert(
        fc.property(extremes, ({ args, params }) => {
          const exprs = asParameters(args)
          const out = results(prim, exprs, params)[0]!
          equal(lowered(out, args, exprs), valueOf(out, exprs, args).data)
        }),
        { seed: 20261123, numRuns: NUM_RUNS },
      )
    })
  }
})

/**
 * What a record says about zeros without their sign: a sum begins at 0, and so 0 + -0 = 0 is not the one element -0 that it
 * sums; products of cotangents are 0 where the cotangent is, of either sign.
 */
const unsigned: readonly Primitive<never>[] = [p.reduceSumP, p.scaledP, p.dividedP, p.mutualP]

/** Numbers that rules know, zeros of either sign among them, and those that no rule should be wrong about. */
const telling = (dtype: DType): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(0, 1, ...(isFloat(dtype) ? [-0] : [])) },
    { weight: 1, arbitrary: awkward(dtype) },
  )

/** Operands as rules look for them: one number everywhere, something negated, the same thing twice, or anything. */
const operands = (
  args: readonly Data[],
  more: fc.GeneratorValue,
): { readonly exprs: Expr[]; readonly given: Map<Expr, Value> } => {
  const given = new Map<Expr, Value>()
  const exprs: Expr[] = []
  for (const a of args) {
    const twin = exprs.find((e) => sameShape(e.shape, a.shape) && e.dtype === a.dtype)
    const free = (): Expr => {
      const e = p.parameter(a)
      given.set(e, more(fc.nat, 3) === 0 ? a : more(data, a.shape, a.dtype, telling(a.dtype)))
      return e
    }
    const kind = more(fc.nat, 7)
    if (kind <= 3) exprs.push(p.fillLike(a, more(telling, a.dtype)))
    else if (kind === 4 && twin !== undefined) exprs.push(twin)
    else if (kind === 5 && a.dtype !== 'u32') exprs.push((a.dtype === 'bool' ? p.not : p.neg)(free()))
    else exprs.push(free())
  }
  return { exprs, given }
}

laws(
  'simplification preserves the value, of fills, of one operand twice, of extremes, NaN, infinities and signed zeros too',
  (prim, { args, params }, more) => {
    const { exprs, given } = operands(args, more)
    const once = results(prim, exprs, params)[0]!
    // where a result can be an operand, the primitive of itself
    const again =
      args.length > 0 && sameShape(once.shape, args[0]!.shape) && once.dtype === args[0]!.dtype
        ? results(prim, [once, ...exprs.slice(1)], params).slice(0, 1)
        : []
    const roots = [once, ...again]
    const [before, after] = [evaluateWith(roots, given), evaluateWith(simplify(roots), given)]
    roots.forEach((root, i) => {
      expect(after[i]!.shape).toEqual(root.shape)
      expect(after[i]!.dtype).toBe(root.dtype)
      const [x, y] = [before[i]!.data, after[i]!.data]
      // what is folded is rounded to single precision
      equal(y, x, tolerances.f32)
      if (unsigned.includes(prim)) return
      x.forEach((v, k) => {
        if (v === 0) expect(Object.is(y[k], v), `${v} became ${y[k]!}`).toBe(true)
      })
    })
  },
  300,
)

describe('operands that may trade places give the same either way, NaN and the sign of zero included', () => {
  for (const [prim, arbitrary] of cases) {
    if (prim.commutes !== true) continue
    it(prim.name, () => {
      fc.assert(
        fc.property(arbitrary, fc.gen(), ({ args, params }, more) => {
          const values = args.map((a) => (more(fc.boolean) ? a : more(data, a.shape, a.dtype, awkward(a.dtype))))
          const [x, y] = asParameters(values)
          const given = binding([x!, y!], values)
          const [there, back] = evaluateWith(
            [...results(prim, [x!, y!], params), ...results(prim, [y!, x!], params)],
            given,
          )
          there!.data.forEach((v, i) => expect(Object.is(back!.data[i], v), `${v} or ${back!.data[i]!}`).toBe(true))
        }),
        { seed: 20261123, numRuns: 300 },
      )
    })
  }
})
