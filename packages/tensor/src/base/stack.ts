/**
 * The user's place on the engine's stack, as text. An engine's frames hold functions and receivers, whose closures hold
 * whatever the user's program saw at the time (older training states, say): they are looked at and dropped at once.
 * Printing a stack is dear, and a program makes most of its nodes in few places; so V8's frames are asked for script, line
 * and column, and a place is printed the first time it is met, by whatever prints stacks there, source maps included.
 */
export interface Place {
  /** `function (file:line:column)`, as the engine prints it. */
  readonly where: string
}

/** What V8 tells of a frame, as far as it is asked here. */
interface Frame {
  readonly getScriptNameOrSourceURL: () => unknown
  readonly getLineNumber: () => number | null
  readonly getColumnNumber: () => number | null
}

/** What `Error` may have: engines differ, and a program may have frozen it. */
interface Engine {
  readonly captureStackTrace?: (holder: object, above: Above) => void
  readonly stackTraceLimit?: unknown
  readonly prepareStackTrace?: unknown
}
/** A function whose callers count, itself left out. */
type Above = () => unknown
const engine: Engine = Error

/** Files of the framework and of libraries: not where the user's program asked. */
const inner =
  /[\\/]node_modules[\\/]|[\\/](?:packages|@adjoint)[\\/](?:tensor|autograd|nn|rl)[\\/](?:src|dist)[\\/](?!.*\.test\.)|^node:|\(node:/

interface Script {
  readonly inner: boolean
  /** By line and column. */
  readonly places: Map<number, Place>
}
const scripts = new Map<string, Script>()
/** Scripts and places remembered; then all are forgotten, since a program may make scripts without end. */
const REMEMBERED = 1 << 14
let remembered = 0

const remember = <K, V>(map: Map<K, V>, key: K, value: V): V => {
  if (++remembered > REMEMBERED) {
    scripts.clear()
    remembered = 1
  }
  map.set(key, value)
  return value
}
const scriptOf = (name: string): Script =>
  scripts.get(name) ?? remember(scripts, name, { inner: inner.test(name), places: new Map() })

/** No frame, since there are more of them than were asked for. */
const further = Symbol('further')
/** No frame, since the framework has no files of its own by which it could be told (a bundle). */
const untold = Symbol('untold')

/** A frame, and how many are looked at to find it. */
interface Found {
  readonly frame: Frame
  readonly depth: number
}

/** Of the `limit` innermost frames: the first outside the framework, else, where there are no more, the outermost. */
const usersFrame =
  (limit: number) =>
  (_: unknown, frames: readonly Frame[]): Found | typeof further | typeof untold => {
    let outermost: Frame | null = null
    for (const [i, frame] of frames.entries()) {
      const name = frame.getScriptNameOrSourceURL()
      // The engine's own functions have no script.
      if (typeof name !== 'string') continue
      const outside = !scriptOf(name).inner
      if (outside) return outermost === null ? untold : { frame, depth: i + 1 }
      outermost = frame
    }
    if (frames.length === limit && limit < FAR) return further
    return outermost === null ? untold : { frame: outermost, depth: frames.length }
  }
/** Each frame costs, and each look does: as many are asked for as found the last one, then more. */
const FAR = 128
const looks = [8, 16, 32, 64, FAR].map((limit) => ({ limit, choose: usersFrame(limit) }))
/** Of these the least that was enough the last time: nodes are made in the same places again and again. */
let nearest = 0

/** The `limit` innermost frames above the function `above`, as `prepare` gives them; as text where the engine asks nobody. */
const look = (limit: number, prepare: unknown, above: Above): unknown => {
  const { stackTraceLimit, prepareStackTrace } = engine
  // Not by assignment, which throws where `Error` is frozen: then the place is less exact, and that is all.
  Reflect.set(engine, 'stackTraceLimit', limit)
  Reflect.set(engine, 'prepareStackTrace', prepare)
  try {
    if (engine.captureStackTrace === undefined) return new Error().stack
    const holder: { readonly stack?: unknown } = {}
    engine.captureStackTrace(holder, above)
    // Reading it is what makes the engine drop its frames.
    return holder.stack
  } finally {
    Reflect.set(engine, 'stackTraceLimit', stackTraceLimit)
    Reflect.set(engine, 'prepareStackTrace', prepareStackTrace)
  }
}

const LOCATION = /:\d+(?::\d+)?\)?$/
const fileIn = (line: string): string => line.replace(LOCATION, '').replace(/^.*[(@]/, '')

/** The user's line of a printed stack, whose files have the names that source maps give them. */
const usersLine = (stack: unknown): string | null => {
  if (typeof stack !== 'string') return null
  const lines = stack
    .split('\n')
    .map((line) => line.trim().replace(/^at /, ''))
    .filter((line) => LOCATION.test(line))
  // The first line is the framework's, since it asked: in a bundle other files are the user's, if there are any.
  const own = lines[0] === undefined ? '' : fileIn(lines[0])
  const outside = lines.filter((line) => !inner.test(line))
  return outside.find((line) => fileIn(line) !== own) ?? outside[0] ?? lines.at(-1) ?? null
}

const isFound = (seen: unknown): seen is Found => typeof seen === 'object' && seen !== null && 'frame' in seen

/** A string of its own: what `split` gives is a view that keeps the whole stack's text. */
const copied = (text: string): string => Array.from(text).join('')

/** The first place outside the framework on the stack above the function `above`, else the outermost one known. */
export const placeAbove = (above: Above): Place => {
  let seen: unknown = further
  let limit = 0
  for (let i = nearest; seen === further; i++) {
    limit = looks[i]!.limit
    seen = look(limit, looks[i]!.choose, above)
  }
  // Where nothing cuts the stack at `above`, this function is a frame more than there was when the user's was found.
  const printed = (depth: number, otherwise: string): Place => {
    const stack = typeof seen === 'string' ? seen : look(depth, engine.prepareStackTrace, above)
    return { where: copied(usersLine(stack) ?? otherwise) }
  }
  if (!isFound(seen)) return printed(FAR, 'unknown place')
  const { frame, depth } = seen
  nearest = looks.findIndex((l) => depth <= l.limit)
  const name = String(frame.getScriptNameOrSourceURL())
  const [line, column] = [frame.getLineNumber() ?? 0, frame.getColumnNumber() ?? 0]
  // Columns go far where a bundle is one line; up to 2^26 of them are told apart from lines.
  const key = line * 2 ** 26 + column
  const { places } = scriptOf(name)
  return places.get(key) ?? remember(places, key, printed(limit + 1, `${name}:${line}:${column}`))
}
