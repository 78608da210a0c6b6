/** Where in the user's program a node was made: what a failing device or gradient names. */
import { type Place, placeAbove } from './stack.ts'

export type Site = Place

/** The site that new nodes inherit while a transformation derives them from a node of the user's. */
let inherited: Site | null = null

const within = <R>(site: Site | null, body: () => R): R => {
  const outer = inherited
  inherited = site
  try {
    return body()
  } finally {
    inherited = outer
  }
}

/** Runs `build`; the nodes it makes belong to `site`, so that a failing gradient names the user's own line. */
export const atSite = <R>(site: Site, build: () => R): R => within(site, build)

/** The inherited site, else the place of the first caller outside the framework. */
export const captureSite = (): Site => inherited ?? placeAbove(captureSite)

/**
 * Runs `build`, of which no part is the user's: all the nodes it makes belong to the place that asked for them, which is
 * looked for once and not once a node.
 */
export const atCaller = <R>(build: () => R): R => (inherited === null ? atSite(captureSite(), build) : build())

/** Runs a function of the user's, whose nodes have places of their own. */
export const atNoSite = <R>(body: () => R): R => within(null, body)

/** `function (file:line:column)`. */
export const describeSite = ({ where }: Site): string => where
