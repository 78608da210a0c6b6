/** The job as phases of a run: the model reads windows of the text in a shuffled order, and then those that were held out. */
import { valueAndGrad } from '@adjoint/autograd'
import {
  applyUpdates,
  type CheckpointError,
  crossEntropy,
  type GradientTransformation,
  type Integers,
  shuffled,
  type TokenWindows,
  type Transformer,
  type TransformerParams,
  withTokens,
} from '@adjoint/nn'
import type { Phase, RunError } from '@adjoint/rl'
import { type Device, DeviceFailure, jit, readAsync, slice, tensor, type Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { phase } from '../cli/stage.ts'
import { warmAdamW } from '../cli/warm-adamw.ts'
import type { Corpus } from './corpus.ts'

/** What a run goes on with. */
export type Learning = { readonly params: TransformerParams; readonly opt: Tree }

/** How long, and on what. */
export interface JobConfig {
  readonly device: Device
  readonly model: Transformer
  readonly corpus: Corpus
  readonly seed: number
  readonly steps: number
  /** Windows of a step. */
  readonly batch: number
  readonly learningRate: number
}

/** Most windows that are held out and read at the end. */
const EXAM = 64

/** The optimizer of a run. */
export const optimizerOf = ({
  learningRate,
  steps,
}: Pick<JobConfig, 'learningRate' | 'steps'>): GradientTransformation => warmAdamW(learningRate, steps, 0.95)

const fileFailed = (error: CheckpointError): RunError =>
  error._tag === 'Device'
    ? { _tag: 'DeviceFailed', error: error.error }
    : { _tag: 'FileFailure', path: error.path, code: error._tag, reason: error.message }

const onDevice = <A>(run: () => Promise<A>): TE.TaskEither<RunError, A> =>
  TE.tryCatch(run, (error): RunError => {
    if (error instanceof DeviceFailure) return { _tag: 'DeviceFailed', error: error.error }
    throw error
  })

/** The phases of the job on a device. Compiled programs live in the closures: make them once. */
export const phasesOf = (config: JobConfig): readonly Phase<Learning>[] => {
  const { device, model, corpus, seed, steps, batch } = config
  const length = model.config.context
  const columns = (x: Integers, from: number): Integers => slice([0, from], [x.shape[0]!, from + length])(x)
  const loss = (params: TransformerParams, windows: Integers) =>
    crossEntropy(model.apply(params)(columns(windows, 0)), columns(windows, 1))
  const optimizer = optimizerOf(config)
  const update = jit(
    ({ params, opt }: Learning, windows: Integers) => {
      const [value, grads] = valueAndGrad(loss)(params, windows)
      const [updates, next] = optimizer.update(grads, opt, params)
      return [{ params: applyUpdates(params, updates), opt: next }, value] as const
    },
    { donate: [0], device },
  )
  const measure = jit(loss, { device })

  const reading = <A>(path: string, use: (windows: TokenWindows) => TE.TaskEither<RunError, A>) =>
    TE.mapLeft((error: RunError | CheckpointError): RunError =>
      'path' in error && 'message' in error ? fileFailed(error) : (error as RunError),
    )(withTokens({ path, dtype: corpus.dtype, length })(use))

  const windowsOf = ({ read }: TokenWindows, numbers: readonly number[]): TE.TaskEither<RunError, Integers> =>
    pipe(
      read(numbers),
      TE.mapLeft(fileFailed),
      TE.map((ids) => tensor(ids, [numbers.length, length + 1], 'i32')),
    )

  return [
    phase('pretrain', steps, (state, { step }) =>
      reading(corpus.train, (windows) => {
        const at = shuffled({ size: windows.windows, seed })
        return pipe(
          windowsOf(
            windows,
            Array.from({ length: batch }, (_, row) => at(step * batch + row)),
          ),
          TE.flatMap((given) =>
            onDevice(async () => {
              const [next, value] = update(state, given)
              return { state: next, metrics: { loss: (await readAsync(value, device))[0]! } }
            }),
          ),
        )
      }),
    ),
    phase('held-out', 1, (state) =>
      reading(corpus.heldOut, (windows) => {
        const numbers = Array.from({ length: Math.min(EXAM, windows.windows) }, (_, i) => i)
        const sum = numbers.reduce<TE.TaskEither<RunError, number>>(
          (before, number) =>
            pipe(
              TE.Do,
              TE.bind('sum', () => before),
              TE.bind('given', () => windowsOf(windows, [number])),
              TE.flatMap(({ sum: so, given }) =>
                onDevice(async () => so + (await readAsync(measure(state.params, given), device))[0]!),
              ),
            ),
          TE.right(0),
        )
        return TE.map((total: number) => ({ state, metrics: { held_out_loss: total / numbers.length } }))(sum)
      }),
    ),
  ]
}

/** Why a text is too short for a step of such a size, or nothing. */
export const demandWindows = ({ train, heldOut, dtype }: Corpus, length: number): TE.TaskEither<string, number> => {
  const of = (path: string): TE.TaskEither<string, number> =>
    TE.mapLeft((error: CheckpointError | string) => (typeof error === 'string' ? error : error.message))(
      withTokens({ path, dtype, length })(({ tokens, windows }) =>
        TE.fromEither(
          windows > 0
            ? E.right(tokens)
            : E.left(
                `the text is too short: ${path} holds ${tokens} tokens, and a window has ${length + 1}. Give more, or lower --context.`,
              ),
        ),
      ),
    )
  return pipe(
    of(heldOut),
    TE.flatMap(() => of(train)),
  )
}
