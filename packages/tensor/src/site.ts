/**
 * Where in the user's program a node was made. Capturing keeps V8's structured frames only; the text is made when an
 * error is printed.
 */
export interface Site {
  readonly stack?: string
}

const FRAMES = 24

export const captureSite = (): Site => {
  const site: Site = {}
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  Error.captureStackTrace(site, captureSite)
  Error.stackTraceLimit = limit
  return site
}

const own = /[\\/](?:packages|@adjoint)[\\/](?:tensor|autograd|nn|rl)[\\/](?:src|dist)[\\/](?!.*\.test\.)/

/** `file:line:column` of the first frame outside the framework, or of the outermost frame known. */
export const describeSite = (site: Site): string => {
  const frames = (site.stack ?? '').split('\n').slice(1).map((l) => l.trim().replace(/^at /, ''))
  return frames.find((f) => !own.test(f) && !f.startsWith('node:')) ?? frames.at(-1) ?? 'unknown place'
}
