/** Dropout: the noise comes from a key that is handed in, so that a layer stays a function of its arguments. */
import { div, random, where } from '@adjoint/tensor'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { demandKey } from './demands.ts'
import type { Floats, Key, SameShape } from './layer.ts'

/** How much is dropped. */
export interface DropoutConfig {
  /** Probability that an element is dropped, from 0 to 1. */
  readonly rate: number
}

/**
 * Inverted dropout: each element is 0 with probability `rate`, and else divided by `1 - rate`, so that its mean is what it was.
 * Which elements go depends on the key and the shape alone: the same key drops the same elements, in a backward pass that
 * computes the layer once more (`checkpoint`) and for every member of a `vmap` that shares the key; split it for others.
 * What is dropped has gradient 0, whatever its value. Rate 1 drops everything.
 *
 * Off, as at inference: a key of `null`, with which it returns its argument itself; so does a rate of 0.
 *
 * @param config - The rate.
 * @returns A function of the key, or null, that gives the layer; x [...] -> the same shape.
 * @throws RangeError for a rate that is no probability, TypeError for a key that is neither a key nor null.
 *
 * Source: Srivastava et al., Dropout (JMLR 15, 2014), in its inverted form.
 *
 * @example
 * ```ts
 * import { dropout } from '@adjoint/nn'
 * import { ones, random, readAsync } from '@adjoint/tensor'
 * const layer = dropout({ rate: 0.5 })
 * console.log(await readAsync(layer(random.key(0))(ones([6])))) // some 0, the others 2
 * console.log(await readAsync(layer(null)(ones([6])))) // all 1
 * ```
 */
export const dropout = (config: DropoutConfig) => {
  const { rate } = optionsOf('dropout', config, { rate: true })
  if (!(rate >= 0 && rate <= 1))
    throw new RangeError(`dropout: a rate of ${String(rate)} is no probability. Give a number from 0 to 1.`)
  return (key: Key | null): SameShape => {
    if (key === null) return (x) => x
    demandKey('dropout', key)
    if (rate === 0) return (x) => x
    // Chosen, not multiplied by 0: what is dropped may be infinite. At rate 1 nothing is kept, and nothing divided by 0.
    const dropped = (x: Floats): Floats =>
      where(random.bernoulli(1 - rate)(key, x.shape), div(x, rate < 1 ? 1 - rate : 1), 0)
    return (x) => typed(dropped(x))
  }
}
