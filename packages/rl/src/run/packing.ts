/**
 * Numbers that a compiled step measures, as one vector, so that a step reads back once. Each has a name and a way in which
 * the parts of a batch make the whole; a vector is made and read by the same list of names, so no number changes its name.
 */
import type { Floats } from '@adjoint/nn'
import { add, gt, maximum, minimum, reshape, type Scalar, slice, stack, tensor, where } from '@adjoint/tensor'

/** How what the parts of a batch measured becomes what the whole did: a share of a mean or a sum adds up. */
export type Fold = 'sum' | 'max' | 'min'

/** @internal Named scalars to a vector and back. */
export interface Packing<N extends string> {
  /** In the order of the names. Throws where a number is missing, or has no place. */
  readonly pack: (measured: Readonly<Record<string, Scalar>>) => Floats
  /** A packed vector as scalars, inside a program. */
  readonly scalars: (packed: Floats) => Readonly<Record<N, Scalar>>
  /** Two vectors of parts as that of both. */
  readonly fold: (x: Floats, y: Floats) => Floats
  /** A vector on the host, by name. */
  readonly unpack: (values: ArrayLike<number>) => Readonly<Record<N, number>>
}

/** @internal */
export const packing = <N extends string>(folds: Readonly<Record<N, Fold>>): Packing<N> => {
  const names = (Object.keys(folds) as N[]).sort()
  const chooses = (fold: Fold): Floats | null => {
    const chosen = names.map((name) => (folds[name] === fold ? 1 : 0))
    return chosen.some((x) => x === 1) ? tensor(Float32Array.from(chosen), [names.length]) : null
  }
  const [largest, smallest] = [chooses('max'), chooses('min')]
  const byName = <A>(of: (i: number) => A): Readonly<Record<N, A>> =>
    Object.fromEntries(names.map((name, i) => [name, of(i)])) as Readonly<Record<N, A>>
  return {
    pack: (measured) => {
      const found = Object.keys(measured).sort()
      if (found.length !== names.length || found.some((name, i) => name !== names[i]))
        throw new Error(
          `a step measured ${found.join(', ')}, and says that it measures ${names.join(', ')}. Give each number a name and a fold.`,
        )
      return stack(0)(names.map((name) => measured[name]!))
    },
    scalars: (packed) => byName((i) => reshape([])(slice([i], [i + 1])(packed))),
    fold: (x, y) => {
      let both: Floats = add(x, y)
      if (largest !== null) both = where(gt(largest, 0), maximum(x, y), both)
      if (smallest !== null) both = where(gt(smallest, 0), minimum(x, y), both)
      return both
    },
    unpack: (values) => byName((i) => values[i]!),
  }
}
