/** In place of linear.ts in a browser's bundle, which measuring would make 2.5 KB heavier for every page. */
import type { Parts } from './linear.ts'
import type { Tuner } from './candidate.ts'

export const linearTuner = <C, P>(_parts: Parts<C, P>): Tuner<C> => {
  throw new RangeError(
    'wasmDevice: tune measures products in Node only; in a browser they are cut as shipped, with the same bits: leave tune out',
  )
}
