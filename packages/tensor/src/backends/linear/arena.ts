/**
 * Working memory that all programs of a device share: one block, since runs follow one another and what it holds means
 * nothing between them. It grows to the largest need of a program that runs, and goes back to the heap once no living
 * program needs as much.
 */
import type { Blame } from '../blame.ts'
import { type Block, roundUp } from './heap.ts'

export interface Arena {
  /** A program that needs so many bytes lives from now on. */
  readonly claim: (bytes: number) => void
  /** It lives no more. */
  readonly disclaim: (bytes: number) => void
  /** The address of at least `bytes` bytes, until the next call. Throws where the heap has no room, and blames it. */
  readonly at: (bytes: number, blame: () => Blame) => number
}

export const createArena = (take: (bytes: number, blame: Blame) => Block, give: (block: Block) => void): Arena => {
  /** How many living programs need so many bytes. */
  const needs = new Map<number, number>()
  let block: Block | null = null
  const drop = (): void => {
    if (block !== null) give(block)
    block = null
  }
  const largest = (): number => {
    let most = 0
    for (const bytes of needs.keys()) most = Math.max(most, bytes)
    return roundUp(most)
  }
  return {
    claim: (bytes) => void needs.set(bytes, (needs.get(bytes) ?? 0) + 1),
    disclaim: (bytes) => {
      const left = needs.get(bytes)! - 1
      if (left > 0) needs.set(bytes, left)
      else needs.delete(bytes)
      if (left === 0 && block !== null && (needs.size === 0 || largest() < block.bytes)) drop()
    },
    at: (bytes, blame) => {
      if (bytes === 0) return 0
      if (block === null || block.bytes < bytes) {
        drop()
        block = take(bytes, blame())
      }
      return block.start
    },
  }
}
