/** What a call may overwrite is given to it once: another argument would change under it. */
import type { Storage } from '../graph/device.ts'

/** Throws where a donated argument is another argument too. */
export const demandDistinct = (donated: readonly boolean[], storages: readonly Storage[]): void => {
  if (!donated.includes(true) || new Set(storages).size === storages.length) return
  storages.forEach((s, i) => {
    if (donated[i] === true && storages.indexOf(s) !== storages.lastIndexOf(s))
      throw new Error(
        `argument ${i} is donated and is also another argument (or closed over) of the same call; pass a copy of it`,
      )
  })
}
