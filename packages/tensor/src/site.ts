/**
 * Where in the user's program a node was made. Capturing keeps V8's structured frames only; the text is made when an
 * error is printed.
 */
export interface Site {
  readonly stack?: string
}

const FRAMES = 24

/** The site that new nodes inherit while a transformation derives them from a node of the user's. */
let inherited: Site | null = null

/** Runs `build`; the nodes it makes belong to `site`, so that a failing gradient names the user's own line. */
export const atSite = <R>(site: Site, build: () => R): R => {
  const outer = inherited
  inherited = site
  try {
    return build()
  } finally {
    inherited = outer
  }
}

export const captureSite = (): Site => {
  if (inherited !== null) return inherited
  const site: Site = {}
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  Error.captureStackTrace(site, captureSite)
  Error.stackTraceLimit = limit
  return site
}

/** Frames of the framework and of libraries: not where the user's program asked. */
const inner =
  /[\\/]node_modules[\\/]|[\\/](?:packages|@adjoint)[\\/](?:tensor|autograd|nn|rl)[\\/](?:src|dist)[\\/](?!.*\.test\.)|^node:|\(node:/

/** `file:line:column` of the first frame outside the framework, or of the outermost frame known. */
export const describeSite = (site: Site): string => {
  const frames = (site.stack ?? '')
    .split('\n')
    .slice(1)
    .map((l) => l.trim().replace(/^at /, ''))
  return frames.find((f) => !inner.test(f)) ?? frames.at(-1) ?? 'unknown place'
}
