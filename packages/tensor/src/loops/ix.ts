/**
 * Index algebra: integer expressions over loop axes, kept in a canonical form (a constant plus a sorted sum of
 * coefficient x atom), so that equality is equality of keys and reshapes cancel: (h D + d) / D = h, (i/n) n + i % n = i.
 * Division is floor division; every Ix knows its range [lo, hi].
 */
import type { Atom, Axis, Ix, Scalar, Term } from './language.ts'

export type { Atom, Axis, Ix, Term } from './language.ts'

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

const lowest = (a: Atom): number => {
  switch (a.kind) {
    case 'axis':
    case 'mod':
    case 'value':
      return 0
    case 'div':
      return Math.floor(a.of.lo / a.by)
    case 'clamp':
      return Math.min(Math.max(a.of.lo, a.lo), a.hi)
  }
}
const highest = (a: Atom): number => {
  switch (a.kind) {
    case 'axis':
      return Math.max(0, a.axis.extent - 1)
    case 'div':
      return Math.floor(a.of.hi / a.by)
    case 'mod':
      return a.by - 1
    case 'clamp':
      return Math.min(Math.max(a.of.hi, a.lo), a.hi)
    case 'value':
      return Math.max(0, a.extent - 1)
  }
}

/** The range of a sum, from its terms' ranges. */
const least = (terms: readonly Term[], constant: number): number =>
  terms.reduce((lo, { coef, atom }) => lo + coef * (coef > 0 ? lowest(atom) : highest(atom)), constant)
const most = (terms: readonly Term[], constant: number): number =>
  terms.reduce((hi, { coef, atom }) => hi + coef * (coef > 0 ? highest(atom) : lowest(atom)), constant)

/**
 * Terms are in canonical form where they are sorted by key, no key stands twice, no coefficient is 0, and nothing is left to
 * recombine. So are any of their terms by themselves, and all of them multiplied: what is made of one index without adding
 * another needs no sorting and no search.
 */
const canonicalSum = (terms: readonly Term[], constant: number): Ix => {
  let key = ''
  for (const t of terms) key += `${t.coef}${t.key}+`
  // no zero but one: -0 would be another key, and another element of no array
  const c = constant + 0
  return { constant: c, terms, lo: least(terms, c), hi: most(terms, c), key: key + String(c) }
}

const times = (terms: readonly Term[], by: number): readonly Term[] =>
  by === 1 ? terms : by === 0 ? [] : terms.map(({ coef, atom, key }) => ({ coef: coef * by, atom, key }))

/** terms + by more, both sorted. */
const plus = (terms: readonly Term[], more: readonly Term[], by: number): readonly Term[] => {
  if (more.length === 0 || by === 0) return terms
  if (terms.length === 0) return times(more, by)
  const sum: Term[] = []
  let i = 0
  let j = 0
  while (i < terms.length || j < more.length) {
    const p = terms[i]
    const q = more[j]
    if (q === undefined || (p !== undefined && p.key < q.key)) {
      sum.push(p!)
      i++
    } else if (p === undefined || q.key < p.key) {
      sum.push(by === 1 ? q : { coef: q.coef * by, atom: q.atom, key: q.key })
      j++
    } else {
      const coef = p.coef + q.coef * by
      if (coef !== 0) sum.push({ coef, atom: p.atom, key: p.key })
      i++
      j++
    }
  }
  return sum
}

/** What stands in a sum for the multiples of `by`, beside an atom mod(of, by): div(of, by). */
const quotients = new WeakMap<Atom, Ix>()
const quotientOf = (atom: Atom & { readonly kind: 'mod' }): Ix => {
  const known = quotients.get(atom)
  if (known !== undefined) return known
  const made = div(atom.of, atom.by)
  quotients.set(atom, made)
  return made
}

/** A sum of sorted terms: by div(x, by) + mod(x, by) = x wherever both stand in it with matching coefficients. */
const recombined = (terms: readonly Term[], constant: number): Ix => {
  if (terms.length > 1)
    for (const t of terms) {
      const { atom } = t
      if (atom.kind !== 'mod') continue
      const quotient = quotientOf(atom)
      const by = t.coef * atom.by
      const stands = (q: Term): boolean => terms.some((other) => other.key === q.key && other.coef === q.coef * by)
      if (quotient.terms.length === 0 || !quotient.terms.every(stands)) continue
      const rest = plus(plus(terms, quotient.terms, -by), [t], -1)
      return recombined(
        plus(rest, atom.of.terms, t.coef),
        constant + t.coef * atom.of.constant - by * quotient.constant,
      )
    }
  return canonicalSum(terms, constant)
}

const fromAtom = (atom: Atom): Ix => canonicalSum([{ coef: 1, atom, key: atomKey(atom) }], 0)

export const constant = (value: number): Ix => canonicalSum([], value)
export const ofAxis = (axis: Axis): Ix => (axis.extent === 1 ? constant(0) : fromAtom({ kind: 'axis', axis }))
/** A data-dependent index into an axis of `extent`, clamped into range. */
export const dynamic = (scalar: Scalar, extent: number): Ix =>
  extent === 1 ? constant(0) : fromAtom({ kind: 'value', scalar, extent })

export const add = (x: Ix, y: Ix): Ix => recombined(plus(x.terms, y.terms, 1), x.constant + y.constant)
export const offset = (x: Ix, by: number): Ix => (by === 0 ? x : canonicalSum(x.terms, x.constant + by))
export const scale = (x: Ix, by: number): Ix => (by === 1 ? x : canonicalSum(times(x.terms, by), x.constant * by))
export const sub = (x: Ix, y: Ix): Ix => recombined(plus(x.terms, y.terms, -1), x.constant - y.constant)

/** x = n whole + rest, the rest's range as tight as the terms allow: 0 <= rest < n where it can be told. */
interface Parts {
  readonly whole: () => Ix
  readonly rest: () => Ix
  readonly isBelow: boolean
}
const splitBy = (x: Ix, n: number): Parts => {
  const multiples = x.terms.filter((t) => t.coef % n === 0)
  const others = multiples.length === 0 ? x.terms : x.terms.filter((t) => t.coef % n !== 0)
  const q = Math.floor(x.constant / n)
  const left = x.constant - q * n
  return {
    whole: () =>
      canonicalSum(
        multiples.map(({ coef, atom, key }) => ({ coef: coef / n, atom, key })),
        q,
      ),
    rest: () => canonicalSum(others, left),
    isBelow: least(others, left) >= 0 && most(others, left) < n,
  }
}

/** x = g coarse + fine with 0 <= fine < g and g | n, for the largest such g below n; null when there is none. */
const coarsen = (x: Ix, n: number): { readonly g: number; readonly coarse: Ix; readonly fine: () => Ix } | null => {
  const candidates = [...new Set(x.terms.map((t) => Math.abs(t.coef)))].sort((p, q) => q - p)
  for (const g of candidates) {
    if (g <= 1 || n % g !== 0) continue
    const { whole, rest, isBelow } = splitBy(x, g)
    if (isBelow) return { g, coarse: whole(), fine: rest }
  }
  return null
}

export const div = (x: Ix, by: number): Ix => {
  if (by === 1) return x
  // floor((n a + b) / n) = a + floor(b / n)
  const parts = splitBy(x, by)
  const whole = parts.whole()
  if (parts.isBelow) return whole
  const rest = parts.rest()
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
  const parts = splitBy(x, by)
  const rest = parts.rest()
  if (parts.isBelow) return rest
  const split = coarsen(rest, by)
  if (split !== null) return add(scale(mod(split.coarse, by / split.g), split.g), split.fine())
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
  let terms: readonly Term[] = []
  let constant = x.constant
  for (const { coef, atom } of x.terms) {
    const image = substituteAtom(atom, axis, scalar)
    terms = plus(terms, image.terms, coef)
    constant += coef * image.constant
  }
  return recombined(terms, constant)
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
  let terms: readonly Term[] = []
  let constant = 0
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    terms = plus(terms, index[i]!.terms, stride)
    constant += stride * index[i]!.constant
    stride *= shape[i]!
  }
  return recombined(terms, constant)
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
