/**
 * Winners on disk, in the store of compiled kernels. An entry's key is a hash of the machine, the product, and the code of all its
 * candidates: after a change of a printer, or on another processor, nothing is found, and products are measured again.
 */
import type { Disk } from '../engine/disk.ts'
import type { Store } from '../engine/store.ts'
import type { Contest, Winners } from './candidate.ts'

const winnerIn = (text: string, names: readonly string[]): string | null => {
  const entry: unknown = JSON.parse(text)
  if (typeof entry !== 'object' || entry === null || !('winner' in entry)) return null
  const { winner } = entry
  return typeof winner === 'string' && names.includes(winner) ? winner : null
}

/** `machine`: all that times depend on beside the code. */
export const winnersIn = ({ crypto, fs }: Pick<Disk, 'crypto' | 'fs'>, store: Store, machine: string): Winners => {
  const keyOf = ({ key, names, code }: Contest): string =>
    crypto
      .createHash('sha256')
      .update(JSON.stringify(['winner', machine, key, names]))
      .update(code.join('\0'))
      .digest('hex')
  let refused = false
  return {
    recall: (contest) => {
      const key = keyOf(contest)
      const entry = store.find([key]).get(key)
      if (entry === undefined) return null
      try {
        const winner = winnerIn(fs.readFileSync(entry.path, 'utf8'), contest.names)
        if (winner !== null) return winner
      } catch {
        // whole, and not what this writes: as what names no candidate
      }
      store.drop(entry)
      return null
    },
    remember: (contest, winner) => {
      if (refused) return
      try {
        const draft = store.draft('.json')
        fs.writeFileSync(draft, JSON.stringify({ product: contest.key, winner }))
        store.keep([keyOf(contest)], draft)
      } catch (error) {
        refused = true
        const why = error instanceof Error ? error.message : String(error)
        globalThis.process.emitWarning(
          `what the tuner measured cannot be kept (${why}); it counts for this device only. Name a folder that can be written to in ADJOINT_CACHE.`,
          { type: 'AdjointWarning', code: 'ADJOINT_TUNE' },
        )
      }
    },
  }
}
