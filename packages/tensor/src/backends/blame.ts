/** The work that an error is about. */
import { describeSite, type Site } from '../base/site.ts'

export interface Blame {
  readonly op: string
  readonly site: Site | null
}
export const siteOf = ({ site }: Blame): string => (site === null ? '' : describeSite(site))
/** For messages: the work and its line, as far as it is known. */
export const showBlame = (blame: Blame): string => {
  const site = siteOf(blame)
  return site === '' ? blame.op : `${blame.op} (asked for at ${site})`
}
