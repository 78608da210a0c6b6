/** What a reduction holds for one vector while the columns go by, as C variables. */
import type { Reduction } from '../../../loops/kernel.ts'
import { emptyReduction } from '../../../loops/scalar.ts'
import type { Block } from './block.ts'
import type { Named } from './frame.ts'
import { acrossText, combineText, literal, vectorType } from './operators.ts'

export interface Accumulator {
  readonly fold: (strand: number, x: string) => void
  /** The value so far, of the one strand that a running reduction has. */
  readonly running: () => Named
  /** Ends a block of additions. */
  readonly putBy: () => void
  /** The whole, when all is folded. */
  readonly result: () => Named
}

interface Form {
  /** Whether the lanes are columns, to be combined in the end. */
  readonly across: boolean
  /** Whether the result differs between lanes. */
  readonly varies: boolean
  /** Independent partial values, which are folded into in turn. */
  readonly strands: number
  /** Whether more is added than one block: the blocks' sums, or a running sum, are then doubles. */
  readonly long: boolean
}

export const identityOf = ({ op, dtype }: Pick<Reduction, 'op' | 'dtype'>): string =>
  literal(dtype, emptyReduction(op, dtype))

export const accumulator = (b: Block, reduction: Reduction, { across, varies, strands, long }: Form): Accumulator => {
  const { op, dtype, running } = reduction
  const type = vectorType(dtype)
  const apply = (x: string, y: string): string => combineText[op](x, y, dtype)
  const held = (value: string): Named => ({ ...b.variable(`const ${type}`, value), varies })
  if (long && running) {
    const sum = b.variable('wide', '{}').text
    const value = (): Named => held(`narrowed(${sum})`)
    return {
      fold: (_, x) => b.line(`${sum} = wide_add(${sum}, ${x});`),
      running: value,
      putBy: () => undefined,
      result: value,
    }
  }
  const total = long ? b.variable('wide', '{}').text : null
  const partials = Array.from({ length: strands }, () => b.variable(type, identityOf(reduction)).text)
  const whole = (): string => partials.reduce(apply)
  const putBy = (): void => {
    b.line(`${total!} = wide_add(${total!}, ${whole()});`)
    for (const partial of partials) b.line(`${partial} = ${identityOf(reduction)};`)
  }
  return {
    fold: (strand, x) => b.line(`${partials[strand]!} = ${apply(partials[strand]!, x)};`),
    running: () => held(partials[0]!),
    putBy: total === null ? () => undefined : putBy,
    result: () => {
      if (total === null) return held(across ? acrossText(op, whole(), dtype) : whole())
      b.line(`${total} = wide_add(${total}, ${whole()});`)
      return held(across ? `splat_f((float)wide_across(${total}))` : `narrowed(${total})`)
    },
  }
}
