/**
 * Ids of tokens and of classes, which are data: one outside the vocabulary is never taken for another. Where the host knows
 * the ids, it is an error; where only a program does, what is read for it is NaN. A negative id does not count from the end.
 */
import { and, ge, lt } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { constantP } from '@adjoint/tensor/primitives'
import type { Booleans, Floats, Integers } from './layer.ts'

/** The elements of a tensor that is host data; null where only a program knows them. */
const hostElements = (x: Integers | Floats): ArrayLike<number> | null => {
  const data: unknown = constantP
  return x.node.prim === data ? evaluate([x])[0]!.data : null
}

const position = (shape: readonly number[], flat: number): string => {
  let rest = flat
  const at = shape.toReversed().map((n) => {
    const i = rest % n
    rest = (rest - i) / n
    return i
  })
  return `[${at.toReversed().join(', ')}]`
}

/**
 * Throws RangeError where the host knows an id that is none of 0 to count - 1, nor the `ignored` one, at a place that `mask`
 * keeps (all, where absent). Whether the host knows them, and so that all are right.
 */
export const demandIds = (
  op: string,
  ids: Integers,
  count: number,
  fix: string,
  mask?: Floats,
  ignored?: number,
): boolean => {
  const known = hostElements(ids)
  const kept = mask === undefined ? undefined : hostElements(mask)
  if (known === null || kept === null) return false
  for (let i = 0; i < known.length; i++) {
    const id = known[i]!
    if ((id >= 0 && id < count) || id === ignored || (kept !== undefined && !(kept[i]! > 0))) continue
    throw new RangeError(
      `${op}: id ${id} at ${position(ids.shape, i)} is outside the vocabulary of ${count}, 0 to ${count - 1}. ${fix}`,
    )
  }
  return true
}

/** Which ids are of 0 to count - 1. */
export const inVocabulary = (ids: Integers, count: number): Booleans => and(ge(ids, 0), lt(ids, count))
