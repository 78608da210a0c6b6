/** Where the traces of a step come from, in sequence-level distillation and in distillation of logits. */
import { optionsOf } from '@adjoint/tensor/ir'
import { dice, foldIn, type HostKey } from '../run/keys.ts'

/** The order of one epoch: 0 .. n - 1, shuffled (Fisher-Yates) by its key. */
const shuffled = (n: number, key: HostKey): Int32Array => {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  const roll = dice(key)
  for (let i = n - 1; i > 0; i--) {
    const j = roll(i + 1)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}

/** How to go through a list. */
export interface EpochsConfig {
  /** Items of a step. */
  readonly rows: number
  /** Of the whole run: epoch e is shuffled by `foldIn(key, e)`. */
  readonly key: HostKey
}

/**
 * A source of batches that goes through a list again and again, each time in another order: step number n has items
 * `rows n` to `rows (n + 1)` of the endless sequence of shuffled epochs, so every item is seen once an epoch, batches run
 * on from one epoch into the next, and a run resumed at a step sees what it would have seen. The step's own key is not
 * used. Nothing of an empty list. Throws RangeError unless `rows` is a positive integer.
 *
 * @example
 * ```ts
 * import { epochs, hostKey } from '@adjoint/rl'
 * const traces = ['a', 'b', 'c'].map((prompt) => ({ prompt, completion: '' }))
 * const batch = epochs(traces, { rows: 2, key: hostKey(0) })
 * const thirdStep = batch(hostKey(7), 2)
 * ```
 */
export const epochs = <A>(
  items: readonly A[],
  options: EpochsConfig,
): ((key: HostKey, step: number) => readonly A[]) => {
  const { rows, key } = optionsOf('epochs', options, { rows: true, key: true })

  if (!(Number.isInteger(rows) && rows > 0))
    throw new RangeError(`epochs: batches of ${rows} items. Choose a positive whole number.`)
  // The order of the epoch asked for last: the next step nearly always asks for the same one.
  let known: { readonly epoch: number; readonly order: Int32Array } = { epoch: -1, order: new Int32Array() }
  const orderOf = (epoch: number): Int32Array => {
    if (known.epoch !== epoch) known = { epoch, order: shuffled(items.length, foldIn(key, epoch)) }
    return known.order
  }
  return (_, step) =>
    items.length === 0
      ? []
      : Array.from({ length: rows }, (_row, i) => {
          const at = step * rows + i
          return items[orderOf(Math.floor(at / items.length))[at % items.length]!]!
        })
}
