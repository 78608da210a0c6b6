/**
 * Products on an adapter that runs a subgroup as one vector register of a CPU (lavapipe). There a load costs by the lane and the
 * load, whatever the addresses: each lane's own branch on whether it is active, and on the buffer's end; one address for all
 * lanes is no exception inside of a loop. Arithmetic is a tenth of that. So what is loaded is loaded once, and in fours:
 *
 *     a[4 steps of k] of a row a lane, or a[4 rows] of a step a lane, which shuffles hand to all lanes
 *     b[4 columns] of a step, or b[4 steps] of a column, of the lane's own columns
 *
 * as they lie in memory; what lies otherwise, or is computed, is made one by one. Four steps of k are one round of the loop: with
 * eight its code is more than a CPU keeps decoded. An element's sum is made in the order of k, as in all other tiles.
 */
import type { Axis } from '../../../loops/ix.ts'
import type { DotKernel } from '../../../loops/kernel.ts'
import type { Scalar } from '../../../loops/scalar.ts'
import { asF32, count, foursAlong, inside, type Product } from './product.ts'
import type { DotTile } from './tuning.ts'

/** The axis along which an operand's elements lie in fours that can be read at once; null where they do not. */
const fourOf = ({ buffers, stores }: DotKernel, s: Scalar, axes: readonly Axis[]): Axis | null => {
  if (s.kind !== 'load' || buffers[s.buffer]!.dtype !== 'f32' || buffers[s.buffer]!.size % 4 !== 0) return null
  if (stores.some((store) => store.buffer === s.buffer)) return null
  return axes.find((axis) => foursAlong(s.at, axis)) ?? null
}

/** How a product's operands are read in fours. */
export interface Fours {
  readonly a: Axis | null
  readonly b: Axis | null
  readonly buffers: ReadonlySet<number>
}
export const foursOf = (kernel: DotKernel, { perN }: DotTile): Fours => {
  const a = fourOf(kernel, kernel.a, [kernel.k, kernel.m])
  // a lane's columns are whole fours then
  const b = fourOf(kernel, kernel.b, perN % 4 === 0 ? [kernel.n, kernel.k] : [kernel.k])
  const read = [a === null ? null : kernel.a, b === null ? null : kernel.b]
  return { a, b, buffers: new Set(read.flatMap((s) => (s?.kind === 'load' ? [s.buffer] : []))) }
}

/** The parts of a shader: declarations, statements before the loop over k, those of four steps from q on, and the lane's column `j`. */
export interface Rounds {
  readonly functions: string
  readonly before: readonly string[]
  readonly round: readonly string[]
  readonly column: (j: number | 'j') => string
}

const parts = ['x', 'y', 'z', 'w'] as const

/** `sum`: what the products of row i and column j are added to. */
export const roundsOf = (
  kernel: DotKernel,
  { operand, elements }: Product,
  { lanesN: lanes, perM, perN }: DotTile,
  fours: Fours,
  sum: string,
): Rounds => {
  const { m, n, k } = kernel
  const whole = k.extent % 4 === 0
  const functionOf = (name: string, s: Scalar, row: Axis, col: Axis, four: Axis | null): string =>
    operand(name, s, row, col, {
      type: four === null ? asF32.type : 'vec4<f32>',
      text: (out, x) =>
        four === null || x.kind !== 'load' ? asF32.text(out, x) : elements.four(x.buffer, out.index(x.at)),
    })
  const step = (u: string): string => inside(k.extent, u === '' ? 'q' : `q + ${u}`, whole)
  // Steps beyond k count as -0 times 0, which changes no sum, not even one of -0.
  const made = (name: string, value: string, steps: string, zero: string): string =>
    `let ${name} = ${whole ? value : `select(vec4<f32>(${zero}), ${value}, ${steps} < vec4<i32>(${k.extent}i))`};`
  const all = 'q + vec4<i32>(0i, 1i, 2i, 3i)'
  const stepsOf = (at: (q: string) => string, four: Axis | null): string =>
    four === null ? `vec4<f32>(${[0, 1, 2, 3].map((u) => at(step(u === 0 ? '' : `${u}i`))).join(', ')})` : at('q')

  const before: string[] = []
  const round: string[] = []
  const alongM = fours.a === m
  const down = Math.ceil(perM / 4)
  const loads = Math.ceil((alongM ? 4 * down : perM) / lanes)
  for (const g of count(loads)) {
    const one = `ln + ${g * lanes}i`
    const at = alongM ? `(${one}) % ${down}i * 4i` : one
    before.push(`let r${g} = min(top + ${at}, ${m.extent - (alongM ? 4 : 1)}i);`)
    if (alongM) before.push(`let u${g} = (${one}) / ${down}i;`)
    const x = `a_at(batch, r${g}, `
    round.push(
      alongM
        ? made(`x${g}`, `${x}${step(`u${g}`)})`, `vec4<i32>(q + u${g})`, '-0.0')
        : made(
            `x${g}`,
            stepsOf((q) => `${x}${q})`, fours.a),
            all,
            '-0.0',
          ),
    )
  }
  const alongN = fours.b === n
  for (const j of count(alongN ? perN / 4 : perN)) {
    const at = alongN ? `ln * 4i + ${j * 4 * lanes}i` : `ln + ${j * lanes}i`
    before.push(`let c${j} = min(left + ${at}, ${n.extent - (alongN ? 4 : 1)}i);`)
    if (!alongN)
      round.push(
        made(
          `y${j}`,
          stepsOf((q) => `b_at(batch, ${q}, c${j})`, fours.b),
          all,
          '0.0',
        ),
      )
    else
      for (const u of count(4))
        round.push(made(`y${j}_${u}`, `b_at(batch, ${step(`${u}i`)}, c${j})`, `vec4<i32>(q + ${u}i)`, '0.0'))
  }
  const x = (i: number, u: number): string => {
    const at = alongM ? u * down + (i >> 2) : i
    return `subgroupShuffle(x${Math.floor(at / lanes)}.${parts[alongM ? i & 3 : u]!}, ${at % lanes}u)`
  }
  const y = (j: number, u: number): string => (alongN ? `y${j >> 2}_${u}.${parts[j & 3]!}` : `y${j}.${parts[u]!}`)
  // Two rows at a time, whose sums stay in registers through the four steps.
  for (let top = 0; top < perM; top += 2)
    for (const u of count(4))
      for (let i = top; i < Math.min(perM, top + 2); i++) {
        const terms = count(perN).map((j) => `${sum}${i}_${j} = fma(x, ${y(j, u)}, ${sum}${i}_${j});`)
        round.push(`{ let x = ${x(i, u)}; ${terms.join(' ')} }`)
      }
  const across = alongN ? 4 * lanes : lanes
  return {
    functions: functionOf('a_at', kernel.a, m, k, fours.a) + functionOf('b_at', kernel.b, k, n, fours.b),
    before,
    round,
    column: (j) => {
      if (!alongN) return j === 'j' ? `left + ln + j * ${across}i` : `left + ln + ${j * across}i`
      return j === 'j'
        ? `left + ln * 4i + j / 4i * ${across}i + j % 4i`
        : `left + ln * 4i + ${(j >> 2) * across + (j & 3)}i`
    },
  }
}
