/**
 * Index algebra: integer expressions over loop axes, kept in a canonical form (a constant plus a sorted sum of
 * coefficient x atom), so that equality is equality of keys and reshapes cancel: (h D + d) / D = h, (i/n) n + i % n = i.
 * Division is floor division; every Ix knows its range [lo, hi].
 */
import type { Scalar } from './scalar.ts'

/** A loop variable: 0 <= axis < extent. */
export interface Axis {
  readonly id: number
  readonly extent: number
}

export type Atom =
  | { readonly kind: 'axis'; readonly axis: Axis }
  | { readonly kind: 'div'; readonly of: Ix; readonly by: number }
  | { readonly kind: 'mod'; readonly of: Ix; readonly by: number }
  | { readonly kind: 'clamp'; readonly of: Ix; readonly lo: number; readonly hi: number }
  /** A data-dependent index: an i32 or u32 scalar, which the backend clamps into [0, extent). */
  | { readonly kind: 'value'; readonly scalar: Scalar; readonly extent: number }

export interface Term {
  readonly coef: number
  readonly atom: Atom
  readonly key: string
}

export interface Ix {
  readonly constant: number
  readonly terms: readonly Term[]
  readonly lo: number
  readonly hi: number
  readonly key: string
}

const atomKey = (a: Atom): string => {
  switch (a.kind) {
    case 'axis':
      return `a${a.axis.id}`
    case 'div':
      return `(${a.of.key}/${a.by})`
    case 'mod':
      return `(${a.of.key}%${a.by})`
    case 'clamp':
      return `(${a.of.key}^${a.lo},${a.hi})`
    case 'value':
      return `v${a.scalar.id}<${a.extent}`
  }
}

const atomRange = (a: Atom): readonly [number, number] => {
  switch (a.kind) {
    case 'axis':
      return [0, Math.max(0, a.axis.extent - 1)]
    case 'div':
      return [Math.floor(a.of.lo / a.by), Math.floor(a.of.hi / a.by)]
    case 'mod':
      return [0, a.by - 1]
    case 'clamp':
      return [Math.min(Math.max(a.of.lo, a.lo), a.hi), Math.min(Math.max(a.of.hi, a.lo), a.hi)]
    case 'value':
      return [0, Math.max(0, a.extent - 1)]
  }
}

/** n div(x, n) + mod(x, n) = x, wherever both stand in the sum with matching coefficients. */
const recombine = (terms: Map<string, Term>): boolean => {
  for (const t of terms.values()) {
    if (t.atom.kind !== 'mod') continue
    const { of, by } = t.atom
    const quotient = scale(div(of, by), t.coef * by)
    if (quotient.terms.length === 0) continue
    if (!quotient.terms.every((q) => terms.get(q.key)?.coef === q.coef)) continue
    for (const q of quotient.terms) terms.delete(q.key)
    terms.delete(t.key)
    const whole = scale(of, t.coef)
    for (const w of whole.terms) accumulate(terms, w)
    // quotient.constant was counted by the caller inside the quotient's own value
    accumulateConstant(terms, whole.constant - quotient.constant)
    return true
  }
  return false
}

const CONSTANT = 'constant'
const unit: Atom = { kind: 'axis', axis: { id: -1, extent: 1 } }
const accumulate = (terms: Map<string, Term>, t: Term): void => {
  const known = terms.get(t.key)
  if (known === undefined) {
    if (t.coef !== 0) terms.set(t.key, t)
    return
  }
  const coef = known.coef + t.coef
  if (coef === 0) terms.delete(t.key)
  else terms.set(t.key, { coef, atom: t.atom, key: t.key })
}
/** While a sum is being built its constant travels as a term of its own. */
const accumulateConstant = (terms: Map<string, Term>, value: number): void => {
  accumulate(terms, { coef: value, atom: unit, key: CONSTANT })
}

const build = (terms: Map<string, Term>): Ix => {
  while (recombine(terms));
  const constant = terms.get(CONSTANT)?.coef ?? 0
  const sorted = [...terms.values()].filter((t) => t.key !== CONSTANT).sort((p, q) => (p.key < q.key ? -1 : 1))
  let lo = constant
  let hi = constant
  for (const t of sorted) {
    const [l, h] = atomRange(t.atom)
    lo += t.coef * (t.coef > 0 ? l : h)
    hi += t.coef * (t.coef > 0 ? h : l)
  }
  return { constant, terms: sorted, lo, hi, key: sorted.map((t) => `${t.coef}${t.key}+`).join('') + String(constant) }
}

const fromTerms = (terms: readonly Term[], constant: number): Ix => {
  const sum = new Map<string, Term>()
  for (const t of terms) accumulate(sum, t)
  accumulateConstant(sum, constant)
  return build(sum)
}
const fromAtom = (atom: Atom): Ix => fromTerms([{ coef: 1, atom, key: atomKey(atom) }], 0)

export const constant = (value: number): Ix => fromTerms([], value)
export const ofAxis = (axis: Axis): Ix => (axis.extent === 1 ? constant(0) : fromAtom({ kind: 'axis', axis }))
/** A data-dependent index into an axis of `extent`, clamped into range. */
export const dynamic = (scalar: Scalar, extent: number): Ix =>
  extent === 1 ? constant(0) : fromAtom({ kind: 'value', scalar, extent })

export const add = (x: Ix, y: Ix): Ix => fromTerms([...x.terms, ...y.terms], x.constant + y.constant)
export const offset = (x: Ix, by: number): Ix => (by === 0 ? x : fromTerms(x.terms, x.constant + by))
export const scale = (x: Ix, by: number): Ix =>
  by === 1 ? x : fromTerms(by === 0 ? [] : x.terms.map((t) => ({ ...t, coef: t.coef * by })), x.constant * by)
export const sub = (x: Ix, y: Ix): Ix => add(x, scale(y, -1))

/** x = n whole + rest, the rest's range as tight as the terms allow. */
const splitBy = (x: Ix, n: number): { readonly whole: Ix; readonly rest: Ix } => {
  const whole: Term[] = []
  const rest: Term[] = []
  for (const t of x.terms) (t.coef % n === 0 ? whole : rest).push(t)
  const q = Math.floor(x.constant / n)
  return {
    whole: fromTerms(
      whole.map((t) => ({ ...t, coef: t.coef / n })),
      q,
    ),
    rest: fromTerms(rest, x.constant - q * n),
  }
}

/** x = g coarse + fine with 0 <= fine < g and g | n, for the largest such g below n; null when there is none. */
const coarsen = (x: Ix, n: number): { readonly g: number; readonly coarse: Ix; readonly fine: Ix } | null => {
  const candidates = [...new Set(x.terms.map((t) => Math.abs(t.coef)))].sort((p, q) => q - p)
  for (const g of candidates) {
    if (g <= 1 || n % g !== 0) continue
    const { whole, rest } = splitBy(x, g)
    if (rest.lo >= 0 && rest.hi < g) return { g, coarse: whole, fine: rest }
  }
  return null
}

export const div = (x: Ix, by: number): Ix => {
  if (by === 1) return x
  // floor((n a + b) / n) = a + floor(b / n)
  const { whole, rest } = splitBy(x, by)
  if (rest.lo >= 0 && rest.hi < by) return whole
  // floor((g a + c) / n) = floor(a / (n/g)) for 0 <= c < g
  const split = coarsen(rest, by)
  if (split !== null) return add(whole, div(split.coarse, by / split.g))
  const only = rest.terms.length === 1 && rest.constant === 0 ? rest.terms[0]! : null
  if (only?.coef === 1 && only.atom.kind === 'div') return add(whole, div(only.atom.of, only.atom.by * by))
  // (x mod m) / n = (x / n) mod (m / n)
  if (only?.coef === 1 && only.atom.kind === 'mod' && only.atom.by % by === 0)
    return add(whole, mod(div(only.atom.of, by), only.atom.by / by))
  return add(whole, fromAtom({ kind: 'div', of: rest, by }))
}

export const mod = (x: Ix, by: number): Ix => {
  if (by === 1) return constant(0)
  const { rest } = splitBy(x, by)
  if (rest.lo >= 0 && rest.hi < by) return rest
  const split = coarsen(rest, by)
  if (split !== null) return add(scale(mod(split.coarse, by / split.g), split.g), split.fine)
  const only = rest.terms.length === 1 && rest.constant === 0 ? rest.terms[0]! : null
  if (only?.coef === 1 && only.atom.kind === 'mod' && only.atom.by % by === 0) return mod(only.atom.of, by)
  return fromAtom({ kind: 'mod', of: rest, by })
}

export const clamp = (x: Ix, lo: number, hi: number): Ix => {
  if (x.lo >= lo && x.hi <= hi) return x
  if (x.hi <= lo) return constant(lo)
  if (x.lo >= hi) return constant(hi)
  return fromAtom({ kind: 'clamp', of: x, lo, hi })
}

/** Replace axes by other indices (and scalars inside data-dependent atoms by their images). */
export const substitute = (x: Ix, axis: (a: Axis) => Ix, scalar: (s: Scalar) => Scalar): Ix => {
  const sum = new Map<string, Term>()
  accumulateConstant(sum, x.constant)
  for (const { coef, atom } of x.terms) {
    const image = scale(substituteAtom(atom, axis, scalar), coef)
    for (const t of image.terms) accumulate(sum, t)
    accumulateConstant(sum, image.constant)
  }
  return build(sum)
}
const substituteAtom = (a: Atom, axis: (a: Axis) => Ix, scalar: (s: Scalar) => Scalar): Ix => {
  switch (a.kind) {
    case 'axis':
      return axis(a.axis)
    case 'div':
      return div(substitute(a.of, axis, scalar), a.by)
    case 'mod':
      return mod(substitute(a.of, axis, scalar), a.by)
    case 'clamp':
      return clamp(substitute(a.of, axis, scalar), a.lo, a.hi)
    case 'value':
      return dynamic(scalar(a.scalar), a.extent)
  }
}

/** Row-major position in an array of `shape`. */
export const flatten = (index: readonly Ix[], shape: readonly number[]): Ix => {
  let flat = constant(0)
  index.forEach((ix, i) => {
    flat = add(scale(flat, shape[i]!), ix)
  })
  return flat
}

/** The index list of a row-major position: the inverse of `flatten`. */
export const unflatten = (flat: Ix, shape: readonly number[]): readonly Ix[] => {
  const index: Ix[] = []
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    const n = shape[i]!
    index.unshift(i === 0 ? div(flat, stride) : mod(div(flat, stride), n))
    stride *= n
  }
  return index
}

/** Every axis and every scalar the index reads. */
export const visitAtoms = (x: Ix, onAxis: (a: Axis) => void, onScalar: (s: Scalar) => void): void => {
  for (const { atom } of x.terms) {
    if (atom.kind === 'axis') onAxis(atom.axis)
    else if (atom.kind === 'value') onScalar(atom.scalar)
    else visitAtoms(atom.of, onAxis, onScalar)
  }
}
