/** Where one vector of values is computed: what axes of a kernel are there, and how an index lies over the lanes. */
import { type Axis, constant, type Ix, ofAxis, offset, scale, substitute, visitAtoms } from '../../../loops/ix.ts'
import { index as indexScalar, type Scalar } from '../../../loops/scalar.ts'
import { substituteAxes } from '../../../loops/substitute.ts'

/** A value that the code has by a name: its text, the level of the loops that it lives at, and whether its lanes differ. */
export interface Named {
  readonly text: string
  readonly level: number
  readonly varies: boolean
}

/** Where one vector of values is computed. */
export interface Frame {
  /** Lanes that count. */
  readonly valid: number
  /** A scalar of the kernel over the loops of the code. */
  readonly image: (s: Scalar) => Scalar
  readonly position: (ix: Ix) => Ix
  readonly reduced: (reduction: number) => Named
}

/** The axis of lanes: `valid` of them. Its id is that of no loop. */
export const LANE = -1
export const laneOf = (valid: number): Axis => ({ id: LANE, extent: valid })

/** A frame in which an axis stands at `place(axis)`, an index over loops and the lane; `known` scalars are others there. */
export const frameOf = (
  valid: number,
  place: (a: Axis) => Ix,
  reduced: Frame['reduced'],
  known: (s: Scalar) => Scalar | null = () => null,
): Frame => {
  const map = substituteAxes(place, known)
  const image = (s: Scalar): Scalar => map([s])[0]!
  return {
    valid,
    image,
    reduced,
    position: (ix) => {
      const s = image(indexScalar(ix))
      return s.kind === 'index' ? s.ix : constant(0)
    },
  }
}

export const axisName = (a: Axis): string => (a.id < 0 ? `t${-a.id}` : `i${a.id}`)

export type Reach =
  | { readonly kind: 'shared' }
  | { readonly kind: 'strided'; readonly first: Ix; readonly step: number }
  | { readonly kind: 'scattered' }

/** How the lanes of an index lie: all at one place, evenly apart, or anywhere. */
export const reachOf = (
  at: Ix,
  factsOf: (ix: Ix) => { readonly varies: boolean },
  of: ReadonlyMap<Scalar, { readonly varies: boolean }>,
): Reach => {
  if (!factsOf(at).varies) return { kind: 'shared' }
  const lane = at.terms.find(({ atom }) => atom.kind === 'axis' && atom.axis.id === LANE)
  const others = at.terms.filter((t) => t !== lane)
  const deeper = others.some(({ atom }) => {
    let found = false
    if (atom.kind !== 'axis')
      visitAtoms(
        { constant: 0, terms: [{ coef: 1, atom, key: '' }], lo: 0, hi: 0, key: '' },
        (a) => (found ||= a.id === LANE),
        (s) => (found ||= of.get(s)?.varies === true),
      )
    return found
  })
  if (deeper) return { kind: 'scattered' }
  const first = substitute(
    at,
    (a) => (a.id === LANE ? constant(0) : ofAxis(a)),
    (s) => s,
  )
  return { kind: 'strided', first, step: lane?.coef ?? 0 }
}

/** An index `by` times an axis, from `from` on. */
export const steps = (axis: Axis, by: number, from: number): Ix => offset(scale(ofAxis(axis), by), from)
