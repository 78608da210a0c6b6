/**
 * The programs of a generation: one that reads the prompts, and one that draws some tokens more. Each makes its steps as rounds of
 * a loop, whose carry (the model's memory, tokens, log-probabilities) is written in place, so that what a call costs the host, and
 * what a submission costs a GPU, is paid once for all of them.
 *
 * A prompt is read once, whatever the number of its completions: what the model remembers of it, and the first logits, are
 * repeated then.
 */
import {
  add,
  all,
  and,
  dynamicSlice,
  dynamicUpdateSlice,
  eq,
  expandDims,
  foriLoop,
  full,
  not,
  or,
  random,
  repeat,
  scalar,
  type Scalar,
  ShapeError,
  tree,
  type Tree,
  type TreeRecord,
  where,
  zeros,
} from '@adjoint/tensor'
import type { Decoder } from './decoder.ts'
import { endsOf, type GenerateConfig } from './generate-arguments.ts'
import type { Booleans, Floats, Integers, Key } from './layer.ts'
import { penaltyMemory, type Said } from './penalties.ts'
import { drawTokens, NO_TOKEN } from './sample.ts'

/** What has been drawn so far, in R = B n rows: n completions of each of B prompts. */
interface Drawing<M extends Tree> extends TreeRecord {
  readonly memory: M
  /** `[R, P + N]`: the prompt's columns, then the completion's. */
  readonly tokens: Integers
  /** `[R, N]`. */
  readonly logp: Floats
  /** `[R]`: tokens of the completion so far, the one that ends it included. */
  readonly lengths: Integers
  /** `[R]`. */
  readonly ended: Booleans
  /** Tokens drawn so far, t. */
  readonly count: Scalar<'i32'>
  /** `[R]`: at which token a row's logits were no distribution; -1 while they all were. Such a row has ended. */
  readonly broken: Integers
  /** What penalties know of the rows; null where there are none. */
  readonly said: Said | null
}

/** What a program leaves: also what the host looks at. */
export interface State<M extends Tree> extends TreeRecord {
  readonly drawing: Drawing<M>
  readonly allEnded: Scalar<'bool'>
}

/** What steps read and never write. */
export interface Fixed<P extends Tree> extends TreeRecord {
  readonly params: P
  /** `[R]`. */
  readonly starts: Integers | null
  /** Null where nothing is random: greedy. */
  readonly key: Key | null
}

interface Round<P extends Tree, M extends Tree> extends TreeRecord {
  readonly fixed: Fixed<P>
  readonly drawing: Drawing<M>
}

/** Prompts [B, P], and the columns [B] at which they begin. */
export interface Asked extends TreeRecord {
  readonly tokens: Integers
  readonly starts: Integers | null
}

const padding = (starts: Integers | null): { readonly starts?: Integers } => (starts === null ? {} : { starts })

/** What a model remembers of B prompts, of each n times, side by side. Throws ShapeError where a leaf is not [B, ...]. */
const repeatMemory = <M extends Tree>(n: number, prompts: number, memory: M): M =>
  n === 1
    ? memory
    : tree.mapWithPath((path, leaf) => {
        if (leaf.shape[0] === prompts) return repeat(n)(leaf)
        throw new ShapeError({
          op: 'generate',
          operands: [leaf],
          rule: `the model's memory${path === '' ? '' : ` at ${path}`} has no row for each of ${prompts} prompts, so that none can be repeated for ${n} completions`,
          fix: 'Let `start` and `extend` of the decoder keep a memory whose leaves all have the batch as their first axis, or repeat the prompts and leave `n` at 1',
        })
      }, memory)

/**
 * Prompts to a state with `drawn` tokens a row, and a state to one with `more` further tokens. The t-th tokens of all rows are drawn
 * with the key `foldIn(key, t)`.
 */
export const decoding = <P extends Tree, M extends Tree>(
  model: Decoder<P, M>,
  config: GenerateConfig,
  { drawn, more }: { readonly drawn: number; readonly more: number },
) => {
  const { maxTokens, n = 1, temperature = 1, topK = Infinity, topP = 1, minP = 0 } = config
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = config
  const ends = endsOf(config)
  const { pad = ends[0] ?? 0 } = config
  const draw = drawTokens({ temperature, topK, topP, minP })
  const penalties = penaltyMemory({ repetitionPenalty, presencePenalty, frequencyPenalty }, model.vocab)
  const isEnd = (tokens: Integers): readonly Booleans[] => ends.map((end): Booleans => eq(tokens, end))

  // Logits [R, V] become the next column of tokens.
  const advance = ({ key }: Fixed<P>, state: Drawing<M>, logits: Floats): Drawing<M> => {
    const noise = key === null ? zeros(logits.shape) : random.gumbel(random.foldIn(key, state.count), logits.shape)
    const { said } = state
    const drawn = draw(noise, penalties === null || said === null ? logits : penalties.penalize(logits, said))
    const failed: Booleans = and(not(state.ended), eq(drawn.tokens, NO_TOKEN))
    const over: Booleans = isEnd(drawn.tokens).reduce((before, now): Booleans => or(before, now), state.ended)
    const column = add(state.count, state.tokens.shape[1]! - maxTokens)
    const asColumn = expandDims(-1)
    return {
      memory: state.memory,
      tokens: dynamicUpdateSlice(state.tokens, asColumn(where(state.ended, pad, drawn.tokens)), [0, column]),
      logp: dynamicUpdateSlice(state.logp, asColumn(where(state.ended, 0, drawn.logp)), [0, state.count]),
      lengths: where(state.ended, state.lengths, add(state.lengths, 1)),
      ended: or(over, failed),
      broken: where(failed, state.count, state.broken),
      said: penalties === null || said === null ? null : penalties.then(said, drawn.tokens),
      count: add(state.count, 1),
    }
  }

  const step = (fixed: Fixed<P>, state: Drawing<M>): Drawing<M> => {
    const [R, width] = state.tokens.shape as readonly [number, number]
    const first: Scalar<'i32'> = add(state.count, width - maxTokens - 1) // the column of the token drawn last
    const last: Integers = dynamicSlice([R, 1])(state.tokens, [0, first])
    const [logits, memory] = model.extend(fixed.params, state.memory, { first, ...padding(fixed.starts) })(last)
    return advance(fixed, { ...state, memory }, logits)
  }

  // What stays the same is carried, too, rather than closed over: what is mere movement of it (a bias repeated for all rows, a table
  // transposed) is then read in place by each round, rather than stored before the first.
  const steps = (count: number, fixed: Fixed<P>, state: Drawing<M>): State<M> => {
    const { drawing } = foriLoop(count, (_, now: Round<P, M>) => ({ ...now, drawing: step(now.fixed, now.drawing) }))({
      fixed,
      drawing: state,
    })
    return { drawing, allEnded: all()(drawing.ended) }
  }

  const start = (fixed: Fixed<P>, { tokens, starts }: Asked): State<M> => {
    const [B, columns] = tokens.shape as readonly [number, number]
    const [R, length] = [B * n, columns + maxTokens]
    // the last token drawn is never read
    const [logits, memory] = model.start(fixed.params, { length: length - 1, ...padding(starts) })(tokens)
    const blank: Integers = full([R, length], pad, 'i32')
    const empty: Drawing<M> = {
      memory: repeatMemory(n, B, memory),
      tokens: dynamicUpdateSlice(blank, repeat(n)(tokens), [0, 0]),
      logp: zeros([R, maxTokens]),
      lengths: full([R], 0, 'i32'),
      ended: full([R], 0, 'bool'),
      count: scalar(0, 'i32'),
      broken: full([R], -1, 'i32'),
      said: penalties === null ? null : penalties.begin(tokens, starts, n),
    }
    return steps(drawn - 1, fixed, advance(fixed, empty, repeat(n)(logits)))
  }

  return { start, go: (fixed: Fixed<P>, { drawing }: State<M>): State<M> => steps(more, fixed, drawing) }
}
