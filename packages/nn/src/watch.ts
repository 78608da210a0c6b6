/**
 * What the host does between the calls of a generation: it reads the tokens drawn since the last time, looks for texts that end rows,
 * and tells who listens. The loops on the device know nothing of it: a row that has said its last is marked as ended, and what was drawn
 * of it since is taken back.
 */
import {
  add,
  all,
  arange,
  expandDims,
  ge,
  jit,
  or,
  readAsync,
  tensor,
  type Tree,
  type TreeRecord,
  where,
} from '@adjoint/tensor'
import type { State } from './decoding.ts'
import { endsOf, type GenerateConfig } from './generate-arguments.ts'
import type { Booleans, Floats, Integers } from './layer.ts'
import { NO_TOKEN } from './sample.ts'
import { listener, type Listener } from './stop.ts'

/** A look at a state: the state with its rows cut where they ended, and the next look. */
export type Look<M extends Tree> = (state: State<M>) => Promise<readonly [State<M>, Look<M>]>

/** What a cut changes. */
interface Cut extends TreeRecord {
  readonly tokens: Integers
  readonly logp: Floats
  readonly ended: Booleans
  readonly broken: Integers
}

/** What is known of a row: how many of its tokens were seen, and who listens to it for a text to stop at. */
interface Watched {
  readonly seen: number
  readonly listener: Listener | null
}

/**
 * Looks at rows whose prompts have this many columns. Where nobody asks for anything, a look reads nothing. `giveUp` is called with the
 * state where whoever is told, or says what tokens say, throws.
 */
export const watching = <M extends Tree>(
  config: GenerateConfig,
  giveUp: (state: State<M>) => void,
): ((prompt: number) => Look<M>) => {
  const { maxTokens, stop, onTokens, device, pad = endsOf(config)[0] ?? 0 } = config
  if (stop === undefined && onTokens === undefined) {
    const still: Look<M> = (state) => Promise.resolve([state, still])
    return () => still
  }

  // Rows' tokens up to their new lengths, which are the old ones of those that were not stopped.
  const cut = jit(
    ({ tokens, logp, ended, broken }: Cut, lengths: Integers, stopped: Booleans) => {
      const columns = tokens.shape[1]!
      const behind = (from: number, count: number): Booleans => ge(arange(count), expandDims(-1)(add(lengths, from)))
      const over: Booleans = or(ended, stopped)
      return {
        drawing: {
          tokens: where(behind(columns - maxTokens, columns), pad, tokens),
          logp: where(behind(0, maxTokens), 0, logp),
          lengths,
          ended: over,
          // What could not be drawn behind the end was not asked for.
          broken: where(ge(broken, lengths), -1, broken),
        },
        allEnded: all()(over),
      }
    },
    { donate: [0], ...(device !== undefined && { device }) },
  )
  const cutAt = ({ drawing }: State<M>, rows: readonly { readonly until: number; readonly stopped: boolean }[]) => {
    const { tokens, logp, ended, broken } = drawing
    const lengths = tensor(
      Int32Array.from(rows, ({ until }) => until),
      [rows.length],
    )
    const stopped = tensor(
      Uint8Array.from(rows, (row) => (row.stopped ? 1 : 0)),
      [rows.length],
      'bool',
    )
    const next = cut({ tokens, logp, ended, broken }, lengths, stopped)
    return { ...next, drawing: { ...drawing, ...next.drawing } }
  }

  const looking =
    (prompt: number, watched: readonly Watched[]): Look<M> =>
    async (state) => {
      const { drawing } = state
      const lengths = await readAsync(drawing.lengths, device)
      const tokens = await readAsync(drawing.tokens, device)
      const columns = drawing.tokens.shape[1]!
      const listened = (length: number, row: number) => {
        const { seen, listener: listening } = watched[row] ?? {
          seen: 0,
          listener: stop === undefined ? null : listener(stop),
        }
        const from = row * columns + prompt
        // NO_TOKEN is none: the generation tells of it at its end.
        const fresh = [...tokens.subarray(from + seen, from + length)].filter((token) => token !== NO_TOKEN)
        const [at, next] = listening?.hear(fresh) ?? [null, null]
        const until = at === null ? length : seen + at
        return { told: at === null ? fresh : fresh.slice(0, at), until, stopped: at !== null, listener: next }
      }
      let rows: readonly ReturnType<typeof listened>[]
      try {
        rows = Array.from(lengths, listened)
        await onTokens?.(rows.map(({ told }) => told))
      } catch (error) {
        giveUp(state)
        throw error
      }
      const after = rows.map(({ until, listener: next }): Watched => ({ seen: until, listener: next }))
      return [rows.some(({ stopped }) => stopped) ? cutAt(state, rows) : state, looking(prompt, after)]
    }
  return (prompt) => looking(prompt, [])
}
