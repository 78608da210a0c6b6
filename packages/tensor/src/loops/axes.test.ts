import fc from 'fast-check'
import { expect, it } from 'vitest'
import { count, extents, freshAxes, freshAxis, merged, refinement, withoutDivision } from './axes.ts'
import { add, type Axis, constant, div, flatten, type Ix, mod, ofAxis, scale, substitute, unflatten } from './ix.ts'
import type { LoopKernel } from './kernel.ts'
import { linearize, load } from './scalar.ts'
import { indicesOf, loopRoots } from './substitute.ts'

/** The values of an index as its axes go by, the last fastest. */
const walk = (ix: Ix, axes: readonly Axis[]): readonly number[] =>
  Array.from({ length: count(axes) }, (_, position) => {
    const at = new Map<number, Ix>()
    let rest = position
    for (const a of [...axes].reverse()) {
      at.set(a.id, constant(rest % a.extent))
      rest = Math.floor(rest / a.extent)
    }
    const value = substitute(
      ix,
      (a) => at.get(a.id)!,
      (s) => s,
    )
    expect(value.terms).toEqual([])
    return value.constant
  })
const divides = (ix: Ix): boolean => ix.terms.some(({ atom }) => atom.kind === 'div' || atom.kind === 'mod')
const shapes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 })

it('a reader over one axis, cut for a value of any shape, reads the same elements in the same order, without division', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const r = freshAxis(shape.reduce((n, d) => n * d, 1))
      const index = unflatten(ofAxis(r), shape)
      const finer = refinement({ rows: [r], cols: [] }, index)
      const moved = finer === null ? index : index.map(finer.move)
      expect(moved.some(divides)).toBe(false)
      index.forEach((ix, i) => expect(walk(moved[i]!, finer?.rows ?? [r])).toEqual(walk(ix, [r])))
    }),
    { seed: 1, numRuns: 200 },
  )
})

it('what was cut is merged again, and indices stay what they were', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: -7, max: 7 }), (shape, by) => {
      const axes = freshAxes(shape)
      const position = flatten(axes.map(ofAxis), shape)
      const size = count(axes)
      const indices = [position, add(scale(position, by), constant(by))]
      const { axes: left, image } = merged(axes, indices)
      expect(extents(left)).toEqual(size === 1 ? [] : [size])
      const moved = indices.map((ix) =>
        substitute(
          ix,
          (a) => image.get(a) ?? ofAxis(a),
          (s) => s,
        ),
      )
      indices.forEach((ix, i) => expect(walk(moved[i]!, left)).toEqual(walk(ix, axes)))
    }),
    { seed: 2, numRuns: 200 },
  )
})

it('axes that some index tells apart stay apart', () => {
  const [p, q] = [freshAxis(2), freshAxis(3)]
  const rowMajor = add(scale(ofAxis(p), 3), ofAxis(q))
  expect(merged([p, q], [rowMajor, ofAxis(q)]).axes).toEqual([p, q])
  expect(merged([p, q], [add(scale(ofAxis(q), 2), ofAxis(p))]).axes).toEqual([p, q])
})

it('strides that do not nest cannot be cut', () => {
  const r = freshAxis(12)
  expect(refinement({ rows: [r], cols: [] }, [div(ofAxis(r), 4), div(ofAxis(r), 6)])).toBeNull()
})

const kernel = (rows: readonly Axis[], at: Ix): LoopKernel => ({
  kind: 'loop',
  name: 'copy',
  buffers: [
    { dtype: 'f32', size: 1000, read: true, write: false },
    { dtype: 'f32', size: 1000, read: false, write: true },
  ],
  rows,
  cols: [],
  reductions: [],
  stores: [
    { buffer: 1, at: flatten(rows.map(ofAxis), extents(rows)), value: load(0, at, 'f32'), scope: 'row', mode: 'set' },
  ],
})

it('a kernel without division visits the same elements in the same order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.constantFrom(4, 8, 16, 20), (n, by) => {
      const r: Axis = { id: 0, extent: n * by }
      // the transpose of [n, by]
      const given = kernel([r], add(scale(mod(ofAxis(r), by), n), div(ofAxis(r), by)))
      const made = withoutDivision(given)
      expect(indicesOf(linearize(loopRoots(made))).some(divides)).toBe(false)
      const order = ({ rows, stores }: LoopKernel): readonly (readonly number[])[] =>
        [stores[0]!.at, ...indicesOf(linearize([stores[0]!.value]))].map((ix) => walk(ix, rows))
      expect(order(made)).toEqual(order(given))
    }),
    { seed: 3, numRuns: 60 },
  )
})

it('a short innermost axis is left whole', () => {
  const r: Axis = { id: 0, extent: 12 }
  const given = kernel([r], add(scale(mod(ofAxis(r), 3), 4), div(ofAxis(r), 3)))
  expect(withoutDivision(given)).toBe(given)
})
