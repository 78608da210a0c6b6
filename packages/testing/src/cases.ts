/**
 * For every primitive an arbitrary of its applications: operands and parameters that are valid by construction and lie
 * away from kinks, so that derivatives exist. The laws of primitives run over this table, on every device.
 */
import fc from 'fast-check'
import { type DType, dtypes, isFloat, type Primitive, primitives as p, sizeOf } from '@adjoint/tensor/ir'
import { axesOf, between, type Data, data, dims, distinct, permutations, positiveDims, shapes } from './arbitraries.ts'
import { runsOf, segments } from './order-cases.ts'
import { convolutions, skews, unskews } from './window-cases.ts'

/** Operands and parameters of one application. */
export interface Case {
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
  fc.constantFrom<DType>('i32', 'u32').chain((dtype) => {
    const near = fc.integer({ min: dtype === 'i32' ? -n - 1 : 0, max: n + 1 })
    const far = dtype === 'i32' ? fc.constantFrom(-(2 ** 31), 2 ** 31 - 1) : fc.constantFrom(2 ** 31, 2 ** 32 - 1)
    return data(shape, dtype, fc.oneof({ weight: 9, arbitrary: near }, { weight: 1, arbitrary: far }))
  })
const lost = (axis: number) => fc.constantFrom('zero', 'nearest').map((outside) => ({ axis, outside }))
const outside = (axis: number) => fc.constantFrom('invalid', 'zero', 'nearest').map((rule) => ({ axis, outside: rule }))
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
    fc.tuple(...shape.map((d) => data([], 'i32', fc.integer({ min: -d - 1, max: d + 1 })))),
  ),
)

const table = new Map<Primitive<never>, Cases>()
const on = (prims: readonly Primitive<never>[], arbitrary: Cases): void => {
  for (const prim of prims) table.set(prim, arbitrary)
}
on([p.negP, p.absP, p.signP], alone(signed, ['f32', 'i32']))
on([p.floorP, p.ceilP, p.roundP], alone(fractional))
on([p.expP, p.exp2P, p.expm1P, p.sinP, p.cosP, p.sinhP, p.coshP, p.tanhP, p.sigmoidP, p.erfP], alone(between(-2, 2)))
on([p.tanP], alone(between(-1, 1)))
on([p.asinP, p.acosP, p.atanhP], alone(between(-0.9, 0.9)))
on([p.atanP, p.asinhP, p.erfcP], alone(between(-3, 3)))
on([p.acoshP], alone(between(1.2, 4)))
on([p.logaddexpP], pair(['f32']))
on([p.xlogyP], pair(['f32'], undefined, positive))
on([p.logP, p.log2P, p.log10P, p.log1pP, p.sqrtP, p.rsqrtP], alone(positive))
on([p.reciprocalP, p.cbrtP], alone(signed))
on([p.isnanP, p.isinfP], alone(fc.constantFrom(0, 1, NaN, Infinity, -Infinity)))
on([p.notP], alone(fc.nat(1), ['bool']))
on([p.addP, p.subP, p.mulP], pair(numbers))
on([p.divP], pair(numbers, undefined, signed))
// x / y away from integers
on([p.modP], pair(numbers, fc.constantFrom(0.3, -0.7, 1.3, -2.2), fc.constantFrom(1, -1, 0.5)))
on([p.powP], pair(['f32'], positive))
on([p.maximumP, p.minimumP], apart(numbers))
on([p.scaledP, p.dividedP, p.mutualP, p.hypotP, p.atan2P], pair(['f32'], signed, signed))
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
  [p.reduceProdP, p.multiplyAllP],
  reduced((shape) => data(shape, 'f32', fc.constantFrom(0, 0.5, -1, 1.5, 2))),
)
on([p.reduceMaxP, p.reduceMinP], reduced(distinct, positiveDims))
on(
  [p.peakP],
  shapes({ dim: positiveDims }).chain((shape) =>
    fc
      .tuple(distinct(shape), data(shape, 'bool', fc.constant(1)), fc.nat(shape.length))
      .map(([x, held, window]) => ({ args: [x, held], params: { window } })),
  ),
)
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
on([p.skewP], skews)
on([p.unskewP], unskews)
on([p.convP], convolutions)
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
    .chain(([shape, axis, at]) => fc.tuple(data(shape), positions(at, shape[axis]!), outside(axis)))
    .map(([x, indices, params]) => ({ args: [x, indices], params })),
)
on(
  [p.takeAlongAxisP],
  gathers
    .chain(([shape, axis, at]) =>
      fc.tuple(data(shape), positions(replaced(shape, axis, [at[0] ?? 1]), shape[axis]!), outside(axis)),
    )
    .map(([x, indices, params]) => ({ args: [x, indices], params })),
)
on(
  [p.putAlongAxisP],
  withAxis({ dim: positiveDims }, (shape) => data(shape))
    .chain(({ x, axis }) => {
      const n = x.shape[axis]!
      const lines = fc.array(permutations(n), { minLength: sizeOf(x.shape) / n, maxLength: sizeOf(x.shape) / n })
      return fc.tuple(fc.constant(x), fc.constant(axis), lines, fc.nat(n))
    })
    .chain(([x, axis, lines, m]) => {
      const shape = x.shape.with(axis, m)
      const inner = sizeOf(shape.slice(axis + 1))
      const at = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
        const line = m === 0 ? 0 : Math.floor(i / (m * inner)) * inner + (i % inner)
        return lines[line]![Math.floor(i / inner) % Math.max(1, m)]!
      })
      return data(shape).map((updates) => ({ args: [x, { shape, dtype: 'i32', data: at }, updates], params: { axis } }))
    }),
)
on(
  [p.scatterAddP],
  gathers
    .chain(([shape, axis, at]) =>
      fc.tuple(data(shape), positions(at, shape[axis]!), data(replaced(shape, axis, at)), lost(axis)),
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
const along = ({ x, axis }: { readonly x: Data; readonly axis: number }): Case => ({ args: [x], params: { axis } })
on([p.runningMaxP, p.runningMinP], withAxis({}, distinct).map(along))
on([p.cumsumP, p.reverseCumsumP], withAxis({}, numeric).map(along))
/** Keys of these dtypes with repeats and special values, or long enough to be merged. */
const keys = (of: readonly DType[]) =>
  fc.oneof(
    {
      weight: 3,
      arbitrary: withAxis({}, (shape) =>
        fc
          .constantFrom(...of)
          .chain((dtype) =>
            data(shape, dtype, dtype === 'f32' ? fc.constantFrom(0, -1, 1, 2, NaN, Infinity, -Infinity) : undefined),
          ),
      ),
    },
    { weight: 1, arbitrary: withAxis({ maxRank: 2, dim: fc.constantFrom(1, 2, 65, 100, 128, 200) }, numeric) },
  )
on(
  [p.argsortP],
  keys(all).chain(({ x, axis }) => fc.boolean().map((descending) => ({ args: [x], params: { axis, descending } }))),
)
on(
  [p.sortP],
  // float keys are all different, so that derivatives exist; what rides along may have any element
  withAxis({}, (shape) =>
    fc
      .constantFrom<DType>('f32', 'i32', 'bool')
      .chain((dtype) => (dtype === 'f32' ? distinct(shape) : data(shape, dtype))),
  ).chain(({ x, axis }) =>
    fc
      .tuple(
        fc.boolean(),
        data(x.shape),
        fc.constantFrom(...all).chain((dtype) => data(x.shape, dtype)),
      )
      .map(([descending, ...others]) => ({ args: [x, ...others], params: { axis, descending } })),
  ),
)
on(
  [p.mergeP],
  keys(numbers).chain(({ x, axis }) =>
    fc.tuple(fc.boolean(), fc.constantFrom(1, 2, 4, 64)).map(([descending, run]) => ({
      args: [x, runsOf(x, axis, run, descending)],
      params: { axis, run, descending },
    })),
  ),
)
on(
  [p.boundsP],
  segments.map(({ positions: at, order, n }) => ({ args: [at, order], params: { size: n + 1 } })),
)
on(
  [p.segmentAddP],
  segments
    .chain(({ pre, n, post, count, ...sorted }) =>
      fc
        .constantFrom(...numbers)
        .chain((dtype) => fc.tuple(data([pre, n, post], dtype), data([pre, count, post], dtype), fc.constant(sorted))),
    )
    .map(([x, updates, { positions: at, order, starts }]) => ({ args: [x, at, updates, order, starts], params: null })),
)
on(
  [p.stopGradientP, p.inputP, p.storedP, p.materializedP],
  anyData().map((x) => ({ args: [x], params: null })),
)
on(
  [p.namedP],
  fc.tuple(anyData(), fc.string()).map(([x, name]) => ({ args: [x], params: { name } })),
)
on(
  [p.afterP],
  fc.tuple(anyData(), anyData()).map((args) => ({ args, params: null })),
)

/** No value of their own; covered by the tests of the devices. */
export const placeholders: readonly Primitive<never>[] = [p.parameterP, p.bufferP]

/** Whose expansions are approximations in single precision. */
export const approximated: readonly Primitive<never>[] = [
  ...[p.asinP, p.acosP, p.atanP, p.atan2P, p.asinhP, p.acoshP, p.atanhP],
  ...[p.cbrtP, p.erfcP, p.log10P, p.logaddexpP],
]

/** Applications of every primitive but the placeholders. */
export const cases: ReadonlyMap<Primitive<never>, Cases> = table
