/**
 * What a step of GRPO on a published model would take: parameters, bytes, operations, and the time that given machines would need at
 * least, before anything of its size is loaded. The bytes are those of the memory plan that the step would run by.
 * Takes 15 s.
 */
import { describeModel, type ModelError, presets, type TransformerConfig } from '@adjoint/nn'
import type { Peak } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { main } from '../cli/example.ts'
import {
  choice,
  common,
  type CommonValues,
  count,
  type Flag,
  type FlagsOf,
  folder as path,
  toggle,
  valued,
} from '../cli/flags.ts'
import { modelPath } from '../cli/models.ts'
import { tableText } from '../cli/table.ts'
import { type Measured, measureStep } from './measure.ts'
import { planStep, type StepConfig, type StepPlan } from './step.ts'

type Preset = keyof typeof presets
const NAMES = Object.keys(presets) as readonly Preset[]

interface Flags extends CommonValues {
  readonly model: string | null
  readonly method: 'full' | 'lora' | null
  readonly rank: number
  readonly batch: number
  readonly group: number
  readonly micro: number
  readonly sequence: number
  readonly dtype: 'f32' | 'f16' | 'bf16' | null
  readonly states: 'f32' | 'bf16' | null
  readonly checkpoint: boolean
  readonly measure: boolean
  readonly peakTflops: number | null
  readonly bandwidthGbs: number | null
}

/** A figure of a machine of the reader's own: of such a machine both are needed. */
const figure = (about: string, other: string): Flag<number | null> => {
  const { decode, ...flag } = valued<number | null>('X', about, null, (text, name) => {
    const x = text.trim() === '' ? NaN : Number(text)
    return x > 0 && x < Infinity ? E.right(x) : E.left(`--${name} ${text}: a number above 0 is needed`)
  })
  return {
    ...flag,
    decode: (name, given) =>
      given[name] !== undefined && given[other] === undefined
        ? E.left(`--${name} is one figure of a machine, and --${other} the other: give both`)
        : decode(name, given),
  }
}

const flags: FlagsOf<Flags> = {
  model: path(`${NAMES.join(', ')} (default SmolLM2-135M), or a folder with a config.json, or a GGUF file`),
  method: choice('full or lora (default lora)', ['full', 'lora']),
  rank: count('rank of the adapter', 16, { min: 1 }),
  batch: count('prompts of a step', 8, { min: 1 }),
  group: count('completions to a prompt', 8, { min: 1 }),
  micro: count('rows that go through the model at once when it learns', 8, { min: 1 }),
  sequence: count('tokens of a prompt and its completion', 256, { min: 2 }),
  dtype: choice('how the weights are stored: f32, f16 or bf16 (default f32)', ['f32', 'f16', 'bf16']),
  states: choice("how the optimizer's moments are stored: f32 or bf16 (default f32)", ['f32', 'bf16']),
  checkpoint: toggle('compute each block again in the backward pass'),
  measure: toggle('load the model, make two steps of learning, and say what they held; of a folder or a file'),
  peakTflops: figure('what a machine of your own computes at most, in 10^12 operations a second', 'bandwidth-gbs'),
  bandwidthGbs: figure('what it reads and writes of its memory at most, in 10^9 bytes a second', 'peak-tflops'),
  device: common.device,
  json: common.json,
  help: common.help,
}

const isPreset = (name: string): name is Preset => Object.hasOwn(presets, name)

/** A model to be planned, and where its parameters are: a preset has none. */
interface Chosen {
  readonly config: TransformerConfig
  readonly path: string | null
}

const message = (error: ModelError): string => error.message

/** The configuration of a preset, or of a model's files. */
const chosen = (name: string): TE.TaskEither<string, Chosen> =>
  isPreset(name)
    ? TE.right({ config: presets[name], path: null })
    : pipe(
        TE.fromEither(modelPath(name)),
        TE.mapLeft((why) => `${why} Or plan one of ${NAMES.join(', ')}.`),
        TE.flatMap((path) =>
          pipe(
            describeModel({ path }),
            TE.bimap(message, ({ model }) => ({ config: model.config, path })),
          ),
        ),
      )

/** Left: the model reads less than what is planned. */
const readable =
  (sequence: number) =>
  (from: Chosen): TE.TaskEither<string, Chosen> =>
    sequence <= from.config.context
      ? TE.right(from)
      : TE.left(`--sequence ${sequence}: this model reads ${from.config.context} tokens at most; lower it`)

const measured = ({ path }: Chosen, given: StepConfig): TE.TaskEither<string, Measured> =>
  path === null
    ? TE.left('a preset has no parameters to measure with: give --model a folder or a GGUF file')
    : TE.mapLeft(message)(measureStep(path, given))

/** A plan, on which machines, and what was measured beside it. */
interface Outcome {
  readonly plan: StepPlan
  readonly machines: Readonly<Record<string, Peak>>
  readonly measured: Measured | null
}

/** What machines reach at most in f32, by their makers' data sheets: NVIDIA H100 SXM, A100 80 GB SXM, L4, GeForce RTX 4090. */
const MACHINES: Readonly<Record<string, Peak>> = {
  H100: { flops: 67e12, bandwidth: 3.35e12 },
  A100: { flops: 19.5e12, bandwidth: 2.04e12 },
  L4: { flops: 30.3e12, bandwidth: 0.3e12 },
  'RTX 4090': { flops: 82.6e12, bandwidth: 1.01e12 },
}

/** The machine that is told by its figures, before those that are known here. */
const machinesOf = ({ peakTflops, bandwidthGbs }: Pick<Flags, 'peakTflops' | 'bandwidthGbs'>): typeof MACHINES =>
  peakTflops === null || bandwidthGbs === null
    ? MACHINES
    : {
        [`${peakTflops} TFLOP/s, ${bandwidthGbs} GB/s`]: { flops: peakTflops * 1e12, bandwidth: bandwidthGbs * 1e9 },
        ...MACHINES,
      }

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const teraflops = (flops: number): string => `${(flops / 1e12).toFixed(3)} TFLOP`

const rowsOf = ({ plan, machines }: Outcome): readonly (readonly string[])[] => {
  const { parameters, trained, bytes, flops, seconds } = plan
  return [
    ['parameters', parameters.toLocaleString('en')],
    ['trained', trained.toLocaleString('en')],
    ['weights', megabytes(bytes.weights)],
    ['adapter', megabytes(bytes.adapter)],
    ['optimizer', megabytes(bytes.optimizer)],
    ['keys and values', megabytes(bytes.cache)],
    ['intermediates of drawing', megabytes(bytes.drawing)],
    ['intermediates of learning', megabytes(bytes.learning)],
    ['  gradients among them, at most', megabytes(bytes.gradients)],
    ['peak of learning', megabytes(bytes.training)],
    ['peak', megabytes(bytes.peak)],
    ['drawing', teraflops(flops.drawing)],
    ['learning', teraflops(flops.learning)],
    ...Object.entries(machines).map(([name, peak]) => [`at least, on ${name}`, `${seconds(peak).toPrecision(3)} s`]),
  ]
}

const measuredRows = ({ plan, measured: found }: Outcome): readonly (readonly string[])[] =>
  found === null
    ? []
    : [
        ['measured: peak of the device', megabytes(found.counted)],
        ['  of what was planned', (found.counted / plan.bytes.training).toFixed(3)],
        ['measured: peak of the process', megabytes(found.resident)],
        ['measured: a pass of learning', `${found.seconds.toPrecision(3)} s`],
      ]

await main<Flags, Outcome>({
  name: 'plan',
  about:
    'What a step of GRPO on a published model takes: bytes by the memory plan, operations, and the least time on given machines.',
  flags,
  job: ({ model, method, dtype, states, measure, peakTflops, bandwidthGbs, ...sizes }, { device }) =>
    pipe(
      chosen(model ?? 'SmolLM2-135M'),
      TE.flatMap(readable(sizes.sequence)),
      TE.flatMap((from) => {
        const given: StepConfig = {
          config: from.config,
          method: method ?? 'lora',
          dtype: dtype ?? 'f32',
          states: states ?? 'f32',
          ...{ rank: sizes.rank, batch: sizes.batch, group: sizes.group, micro: sizes.micro },
          ...{ sequence: sizes.sequence, checkpoint: sizes.checkpoint, device },
        }
        const plan = planStep(given)
        const machines = machinesOf({ peakTflops, bandwidthGbs })
        return TE.map((found: Measured | null): Outcome => ({ plan, machines, measured: found }))(
          measure ? measured(from, given) : TE.right(null),
        )
      }),
    ),
  text: (outcome) => tableText(['a step of GRPO', ''], [...rowsOf(outcome), ...measuredRows(outcome)]),
  json: ({ plan: { seconds, ...plan }, machines, measured: found }) => ({
    ...plan,
    seconds: Object.fromEntries(Object.entries(machines).map(([name, peak]) => [name, seconds(peak)])),
    ...(found !== null && { measured: found }),
  }),
})
