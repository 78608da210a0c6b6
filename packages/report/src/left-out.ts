/**
 * Which group is which among the pages of a run that goes on: a page of a long run holds some of the groups only, and the next
 * page others. Pure; runs in the page.
 */
import type { Samples, ShownGroup } from './page-data.ts'

/** The run, its phase, and what it began with: groups are those of before as long as this is as it was. */
type Part = string

/** Where a group stands, on whichever page. */
export interface Place {
  readonly part: Part
  readonly step: number
  /** No other group that was asked for has this key, nor has one of another run that is begun anew in the same folder. */
  readonly key: string
}

const partsOf = ({
  runs,
  phases,
  parts,
}: Samples): ReadonlyMap<string, { readonly part: Part; readonly last: number }> =>
  new Map(
    parts.map(({ run, phase, begun, last }) => [
      `${run} ${phase}`,
      { part: JSON.stringify([runs[run]?.id, phases[phase], begun]), last },
    ]),
  )

/** The places of groups that are asked for in order. */
export const placing = (samples: Samples): ((group: ShownGroup) => Place) => {
  const parts = partsOf(samples)
  const times = new Map<string, number>()
  return ({ run, phase, step, id, prompt }) => {
    const { part } = parts.get(`${run} ${phase}`)!
    const wanted = JSON.stringify([part, step, id ?? prompt])
    const before = times.get(wanted) ?? 0
    times.set(wanted, before + 1)
    return { part, step, key: before === 0 ? wanted : `${wanted} ${before}` }
  }
}

/** Whether a group that is not on a page is in the logs all the same: the page has no room for all, and the part has come as far. */
export const leftOutOf = (samples: Samples): ((place: Place) => boolean) => {
  const lasts = new Map([...partsOf(samples).values()].map(({ part, last }) => [part, last]))
  return ({ part, step }) => samples.shown < samples.logged && step <= (lasts.get(part) ?? -1)
}
