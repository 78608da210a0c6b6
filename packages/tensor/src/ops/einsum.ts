/**
 * Einstein summation by one `dot` for each pair of operands. Each letter of a pair is one of four: shared and kept
 * (batch), shared and gone (contracted), or in one operand only (a row or a column); sorted so, a pair is
 * [batch, rows, contracted] x [batch, contracted, columns].
 */
import type { Computed, DType } from '../base/dtype.ts'
import { ShapeError, shown } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import { sizeOf, type Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { demandTensor, oneDType } from './align.ts'

/** A tensor whose axes have letters. */
interface Term {
  readonly x: Expr
  readonly axes: readonly string[]
}

/** Axes that an ellipsis stands for are named by their place from the right, so that they align as in broadcasting. */
const letters = (text: string, ellipsis: number): readonly string[] => {
  const [before = '', after] = text.split('...')
  if (after === undefined) return Array.from(text)
  return [
    ...Array.from(before),
    ...Array.from({ length: ellipsis }, (_, i) => `.${ellipsis - i}`),
    ...Array.from(after),
  ]
}

/** One axis a letter: of axes that repeat a letter only the diagonal stays. */
const withoutRepeats = ({ x, axes }: Term): Term => {
  const second = axes.findIndex((a, i) => axes.indexOf(a) !== i)
  if (second === -1) return { x, axes }
  const first = axes.indexOf(axes[second]!)
  // keep x where both indices agree; of every column of the rest at most one element is left
  const same = raw.eq(raw.iota(x.shape, first, 'i32'), raw.iota(x.shape, second, 'i32'))
  const masked = raw.where(same, x, raw.fill(x.shape, x.dtype, 0))
  return withoutRepeats({ x: raw.reduceSum(masked, [second]), axes: axes.filter((_, i) => i !== second) })
}

const ordered = ({ x, axes }: Term, order: readonly string[]): Expr => {
  const perm = order.map((a) => axes.indexOf(a))
  return perm.every((p, i) => p === i) ? x : raw.transpose(x, perm)
}

/** Sums out the axes that nothing else needs. */
const sumOut = ({ x, axes }: Term, needed: readonly string[]): Term => {
  const gone = axes.flatMap((a, i) => (needed.includes(a) ? [] : [i]))
  return gone.length === 0 ? { x, axes } : { x: raw.reduceSum(x, gone), axes: axes.filter((a) => needed.includes(a)) }
}

const sizes = ({ x, axes }: Term, of: readonly string[]): Shape => of.map((a) => x.shape[axes.indexOf(a)]!)

/**
 * A term without its axes of size 1 whose letter is longer elsewhere: its one element stands for all, as it does of a term that
 * does not have the letter.
 */
const withoutUnits = ({ x, axes }: Term, sizes: ReadonlyMap<string, number>): Term => {
  const kept = (i: number): boolean => x.shape[i] === sizes.get(axes[i]!)
  if (axes.every((_, i) => kept(i))) return { x, axes }
  return {
    x: raw.reshape(
      x,
      x.shape.filter((_, i) => kept(i)),
    ),
    axes: axes.filter((_, i) => kept(i)),
  }
}

/** The product of two terms, without the axes that `needed` lacks. */
const multiply = (left: Term, right: Term, needed: readonly string[]): Term => {
  const a = sumOut(left, [...right.axes, ...needed])
  const b = sumOut(right, [...left.axes, ...needed])
  const shared = a.axes.filter((l) => b.axes.includes(l))
  const batch = shared.filter((l) => needed.includes(l))
  const contracted = shared.filter((l) => !needed.includes(l))
  const rows = a.axes.filter((l) => !shared.includes(l))
  const columns = b.axes.filter((l) => !shared.includes(l))
  const lead = batch.length === 0 ? [] : [sizeOf(sizes(a, batch))]
  const k = sizeOf(sizes(a, contracted))
  const x = raw.reshape(ordered(a, [...batch, ...rows, ...contracted]), [...lead, sizeOf(sizes(a, rows)), k])
  const y = raw.reshape(ordered(b, [...batch, ...contracted, ...columns]), [...lead, k, sizeOf(sizes(b, columns))])
  const shape = [...sizes(a, batch), ...sizes(a, rows), ...sizes(b, columns)]
  return { x: raw.reshape(raw.dot(x, y), shape), axes: [...batch, ...rows, ...columns] }
}

/** Without an arrow: the ellipsis, then the letters that occur once, in alphabetical order. */
const implicitOutput = (inputs: readonly string[]): string => {
  const all = inputs.join('').replaceAll('.', '')
  const once = [...new Set(all)].filter((l) => all.split(l).length === 2).sort()
  return (inputs.some((t) => t.includes('...')) ? '...' : '') + once.join('')
}

/**
 * Sums of products, by letters: each letter names an axis, axes of one letter run together, and letters missing after `->` are
 * summed out. A letter twice in a term is its diagonal. `...` stands for any axes, which align from the right. Axes of one
 * letter, or place in the ellipses, broadcast: they have one size, or 1, as in NumPy. Without `->` the ellipsis and the letters
 * that occur once remain, in alphabetical order. Each pair of operands is one matrix product, from left to right.
 * Throws ShapeError where a letter has two sizes or a term does not fit its operand, DTypeError where dtypes differ.
 *
 * @example
 * ```ts
 * import { einsum, zeros } from '@adjoint/tensor'
 * const q = zeros([2, 4, 7, 16]) // [B, H, T, D]
 * const k = zeros([2, 4, 9, 16])
 * console.log(einsum('bhtd,bhsd->bhts')(q, k).shape) // [2, 4, 7, 9]
 * ```
 */
export const einsum =
  (spec: string) =>
  <D extends DType>(...given: readonly Tensor<Shape, D>[]): Tensor<Shape, Computed<D>> => {
    if (typeof spec !== 'string')
      throw new TypeError(`einsum: the terms are ${shown(spec)}, not a string. Write them as in 'ij,jk->ik'.`)
    given.forEach((x, i) => demandTensor('einsum', x, `${i + 1} of ${given.length}`))
    const operands = given.map(raw.computed)
    const bad = (rule: string, fix: string): ShapeError =>
      new ShapeError({ op: `einsum('${spec}')`, operands, rule, fix })
    const [left = '', right] = spec.replaceAll(' ', '').split('->')
    const inputs = left.split(',')
    const output = right ?? implicitOutput(inputs)
    if (![...inputs, output].every((t) => /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(t)))
      throw bad('a term is letters and at most one ellipsis', "Write terms as in 'bij,bjk->bik'")
    if (inputs.length !== operands.length || operands.length === 0)
      throw bad(
        `${inputs.length} terms for ${operands.length} operands`,
        'Write one term for each operand, parted by commas',
      )
    oneDType('einsum', operands)
    const ellipsis = Math.max(
      ...inputs.map((t, i) => (t.includes('...') ? operands[i]!.shape.length - t.replace('...', '').length : 0)),
    )
    const known = new Map<string, number>()
    const name = (a: string): string => (a.startsWith('.') ? `axis -${a.slice(1)} of the ellipsis` : `'${a}'`)
    const read = inputs.map((text, i): Term => {
      const x: Expr = operands[i]!
      const named = text.replace('...', '').length
      const axes = letters(text, x.shape.length - named)
      if (axes.length !== x.shape.length)
        throw bad(
          `term '${text}' names ${named} axes of an operand of rank ${x.shape.length}`,
          'Name every axis, or add an ellipsis',
        )
      axes.forEach((a, j) => {
        const [size, here] = [known.get(a) ?? 1, x.shape[j]!]
        const own = x.shape[axes.indexOf(a)]!
        if ((size !== here && size !== 1 && here !== 1) || own !== here)
          throw bad(
            `${name(a)} is ${own === here ? size : own} in one place and ${here} in another`,
            'Axes of one letter have one size, or 1; within one term, one size',
          )
        known.set(a, size === 1 ? here : size)
      })
      return withoutRepeats({ x, axes })
    })
    const terms = read.map((term) => withoutUnits(term, known))
    const wanted = letters(output, output.includes('...') ? ellipsis : 0)
    if (wanted.some((a) => !known.has(a)) || new Set(wanted).size !== wanted.length)
      throw bad(
        `the output '${output}' names an axis twice, or one that no operand has`,
        'Name axes of the operands, each once',
      )
    const last = terms.slice(1).reduce((product, term, i) => {
      const needed = [...wanted, ...terms.slice(i + 2).flatMap((t) => t.axes)]
      return multiply(product, term, needed)
    }, terms[0]!)
    return typed(ordered(sumOut(last, wanted), wanted))
  }
