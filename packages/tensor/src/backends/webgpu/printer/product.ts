/**
 * What all shaders of a product are made of, however they are cut: its operands and what becomes of a sum, as functions of
 * (batch, row, column); how its operands lie; and its edges.
 */
import { type Axis, type Ix, ofAxis, unflatten } from '../../../loops/ix.ts'
import type { DotKernel } from '../../../loops/kernel.ts'
import { linearize, type Scalar } from '../../../loops/scalar.ts'
import { substituteAxes } from '../../../loops/substitute.ts'
import { isHalf } from '../../../base/rounding.ts'
import { mentions } from '../../linear/operand.ts'
import { type Body, body } from './body.ts'
import { type Elements, elementsOf } from './elements.ts'
import { castText } from './ops.ts'
import { writeStores } from './shader.ts'

const BATCH = -2

/** What a function of an operand gives: its type, and the text of it, after the statements that it needs. */
export interface Result {
  readonly type: string
  readonly text: (out: Body, s: Scalar) => string
}
export const asF32: Result = { type: 'f32', text: (out, s) => castText('f32', out.value(s), s.dtype) }

export interface Product {
  readonly elements: Elements
  /** How many products, as one axis. */
  readonly batch: number
  /** `fn name(batch, r, c)`. */
  readonly operand: (name: string, s: Scalar, row: Axis, col: Axis, result?: Result) => string
  /** `fn finish(batch, r, c, acc)`: stores what is made of a sum. */
  readonly finish: () => string
  /** `fn finish_pair(batch, r, c, x, y)`: the same for columns c, which is even, and c + 1; null where no word is of both. */
  readonly finishPair: () => string | null
}

/** Whether elements at 2 i and 2 i + 1 of `axis` are the halves of one word, whatever the other axes are. */
export const pairsAlong = (at: Ix, axis: Axis): boolean =>
  axis.extent % 2 === 0 &&
  at.constant % 2 === 0 &&
  at.terms.some(({ coef, atom }) => coef === 1 && atom.kind === 'axis' && atom.axis === axis) &&
  at.terms.every(({ coef, atom }) =>
    atom.kind === 'axis'
      ? atom.axis === axis || coef % 2 === 0
      : coef % 2 === 0 && atom.kind !== 'value' && !mentions(atom.of, axis),
  )

/** An index where `axis` is at 4 q + i, i < 4: how far it goes a step of i, and whether it is a multiple of four where i is 0. NaN: it goes otherwise. */
const walkOf = (x: Ix, axis: Axis): { readonly step: number; readonly whole: boolean } => {
  let step = 0
  let whole = x.constant % 4 === 0
  for (const { coef, atom } of x.terms) {
    if (atom.kind === 'value') return { step: NaN, whole }
    const on = atom.kind === 'axis' && atom.axis.id === axis.id
    const of = atom.kind === 'axis' ? { step: on ? 1 : 0, whole: on } : walkOf(atom.of, axis)
    // quotients by multiples of four stay as they are for four steps, and remainders go on
    const fours = (atom.kind === 'div' || atom.kind === 'mod') && atom.by % 4 === 0
    if (of.step !== 0 && atom.kind !== 'axis' && !(fours && of.step === 1 && of.whole)) return { step: NaN, whole }
    if (atom.kind !== 'div') step += coef * of.step
    whole &&= coef % 4 === 0 || (of.whole && (atom.kind === 'axis' || (atom.kind === 'mod' && fours)))
  }
  return { step, whole }
}
/** Whether elements at 4 q, ..., 4 q + 3 of `axis` are four neighbours from a multiple of four, whatever the other axes are. */
export const foursAlong = (at: Ix, axis: Axis): boolean => {
  const { step, whole } = walkOf(at, axis)
  return axis.extent % 4 === 0 && step === 1 && whole
}

/** `fours`: buffers that are read in fours. `paired`: whether halves may be stored by `finishPair`, two to a word. `finish` stores one, which takes atomics where words are shared. */
export const productOf = (kernel: DotKernel, paired: boolean, fours: ReadonlySet<number> = new Set()): Product => {
  const { m, n } = kernel
  if (kernel.reductions.length > 0)
    throw new Error(`kernel ${kernel.name}: webgpu has no whole rows of a product; capabilities say which devices do`)
  const batch = kernel.batch.reduce((p, a) => p * a.extent, 1)
  const parts = unflatten(
    ofAxis({ id: BATCH, extent: batch }),
    kernel.batch.map((a) => a.extent),
  )
  const images = new Map<number, Ix>(kernel.batch.map((a, i) => [a.id, parts[i]!]))
  const substituted = substituteAxes((a) => images.get(a.id) ?? ofAxis(a))
  const map = (s: Scalar): Scalar => substituted([s])[0]!
  // What a lane only reads is no atomic, even where it is bound writable: lanes share its words with nobody who writes.
  const stored = new Set(kernel.stores.map((s) => s.buffer))
  const owned = (all: boolean): Elements => elementsOf(kernel.buffers, (buffer) => all || !stored.has(buffer), fours)
  const only = kernel.stores.length === 1 ? kernel.stores[0]! : null
  const pairs = paired && only !== null && isHalf(kernel.buffers[only.buffer]!.dtype) && pairsAlong(only.at, n)
  const elements = owned(pairs)
  const bodyOver = (row: Axis, col: Axis): Body => {
    const names = new Map([
      [BATCH, 'batch'],
      [row.id, 'r'],
      [col.id, 'c'],
    ])
    return body(
      elements,
      (a) => names.get(a.id)!,
      () => ({ text: 'acc', level: 0 }),
    )
  }
  const indexOf = (ix: Ix): Ix => {
    const at = map({ id: -1, kind: 'index', dtype: 'i32', ix })
    return at.kind === 'index' ? at.ix : ix
  }
  return {
    elements,
    batch,
    operand: (name, s, row, col, { type, text } = asF32) => {
      const out = bodyOver(row, col)
      const value = text(out, map(s))
      return `fn ${name}(batch: i32, r: i32, c: i32) -> ${type} {\n${out.text()}  return ${value};\n}\n`
    },
    finish: () => {
      const out = bodyOver(m, n)
      const stores = kernel.stores.map((s) => ({ ...s, value: map(s.value), at: indexOf(s.at) }))
      writeStores(out, elements, stores)
      return `fn finish(batch: i32, r: i32, c: i32, acc: f32) {\n${out.text()}}\n`
    },
    finishPair: () => {
      if (!pairs) return null
      const made = bodyOver(m, n)
      const value = made.value(map(only.value))
      const place = bodyOver(m, n)
      const at = place.index(indexOf(only.at))
      const both = ['made(batch, r, c, x)', 'made(batch, r, c + 1i, y)'] as const
      return (
        `fn made(batch: i32, r: i32, c: i32, acc: f32) -> f32 {\n${made.text()}  return ${value};\n}\n` +
        'fn finish_pair(batch: i32, r: i32, c: i32, x: f32, y: f32) {\n' +
        `${place.text()}  ${elements.storePair(only.buffer, `(${at}) >> 1u`, both)}\n}\n`
      )
    },
  }
}

/** How far apart in memory neighbours along `axis` are, by the scalar's first load; Infinity where they are not in a line. */
const stride = (s: Scalar, axis: Axis): number => {
  for (const l of linearize([s])) {
    if (l.kind !== 'load') continue
    const term = l.at.terms.find((t) => t.atom.kind === 'axis' && t.atom.axis.id === axis.id)
    if (term !== undefined) return Math.abs(term.coef)
  }
  return Infinity
}
/** Whether neighbours along one axis are nearer in memory than those along the other. */
export const nearerAlong = (s: Scalar, one: Axis, other: Axis): boolean => stride(s, one) < stride(s, other)

/** A position that may be beyond the edge, as one that is not. */
export const inside = (limit: number, x: string, exact: boolean): string => (exact ? x : `min(${x}, ${limit - 1}i)`)

/** 0, 1, ... below n. */
export const count = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)
