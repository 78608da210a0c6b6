/**
 * The main job as a sequence that is asked for: each event is computed when the next one is wanted, so that to pause is not to ask.
 * Phases, keys and programs are those of examples/r1-mini: with its settings the numbers are those of its log.
 */
import type { TransformerParams } from '@adjoint/nn'
import {
  type Chain,
  describeError,
  evaluator,
  foldIn,
  type GradedSample,
  type GrpoState,
  hostKey,
  type RunError,
  sftStep,
  snapshot,
  traces,
} from '@adjoint/rl'
import { type Device, random, realizeAsync, tree, type Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import {
  exam as sitting,
  EXAM_EVERY,
  grpoOptimizer,
  model,
  policy,
  sft,
  sftOptimizer,
  task,
} from '../../../../examples/r1-mini/setting.ts'
import type { RunName, ShownGroup, TrainEvent } from './events.ts'
import type { Learning, Start } from './settings.ts'
import { type Step, stepOf } from './variants.ts'

/** Numbers of the phases of the main job, from which its keys follow. */
const PHASE = { cold: 0, grpo: 2 } as const
/** Steps of the cold start that make one point. */
const POINT = 20

type State = GrpoState<TransformerParams, Tree>

const done = async <A>(task: TaskEither<RunError, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw new Error(describeError(result.left))
  return result.right
}

/** The token that ends a completion. */
const END = '<end>'
/** The tokens of a completion, as far as it was sampled: the template's tags are one each. */
const textsOf = (completion: string): readonly string[] => completion.match(/<[^>]*>|[^<]/gu) ?? []

/** The first group of a step, whole. */
const shownGroup = (graded: readonly GradedSample<Chain>[], size: number): ShownGroup => {
  const group = graded.slice(0, size)
  const { problem, prompt } = group[0]!.sample
  return {
    prompt,
    expected: task.trace(problem).answer,
    completions: group.map(({ sample, reward, advantage, logProbs }) => {
      const texts = textsOf(sample.completion)
      return {
        completion: sample.completion,
        reward: reward.total,
        parts: reward.parts,
        advantage,
        length: sample.length,
        tokens: Array.from(logProbs, (p, i) => [texts[i] ?? END, p] as const),
      }
    }),
  }
}

/** Cold starts that were made, by what they depend on: another variant goes on from the same. */
export type Colds = Map<string, TransformerParams>

async function* coldStart(
  device: Device,
  { seed, cold }: Start,
  colds: Colds,
): AsyncGenerator<TrainEvent, TransformerParams> {
  const name = `${device.kind} ${seed} ${cold}`
  const made = colds.get(name)
  if (made !== undefined) return made
  const optimizer = sftOptimizer('f32')
  const demonstrate = sftStep({
    policy,
    optimizer,
    batch: traces(task, { rows: sft.rows, thinkShare: sft.thinkShare }),
    microBatch: sft.rows,
    device,
  })
  const params = model.init(random.key(seed))
  let state = await realizeAsync({ params, opt: optimizer.init(params) }, device)
  const phase = foldIn(hostKey(seed), PHASE.cold)
  let sum = 0
  for (let i = 0; i < cold; i++) {
    const stepped = await done(demonstrate(state, foldIn(phase, i)))
    state = stepped.state
    sum += stepped.metrics['loss'] ?? NaN
    if ((i + 1) % POINT !== 0 && i + 1 !== cold) continue
    yield { type: 'cold', step: i + 1, loss: sum / ((i % POINT) + 1) }
    sum = 0
  }
  // On the host, for a step of learning reuses the memory of its state.
  const kept = await done(snapshot(device)(state.params))
  colds.clear()
  colds.set(name, kept)
  return kept
}

interface Run {
  readonly name: RunName
  readonly stepFor: (learning: Learning) => Step
  readonly state: State
}

/** Steps are compiled once for what they depend on. */
const steps = (device: Device, start: Start, control: 'shuffled' | 'random' | null): Run['stepFor'] => {
  let known: { readonly key: string; readonly step: Step } | null = null
  return (learning) => {
    const key = JSON.stringify(learning)
    if (known?.key !== key) known = { key, step: stepOf(device, start.steps, control, learning) }
    return known.step
  }
}

/** Cold start, exams and steps of GRPO; `learning` is asked before each step. Throws what a device or a step fails with. */
export async function* train(
  device: Device,
  start: Start,
  learning: () => Learning,
  colds: Colds,
): AsyncGenerator<TrainEvent, void, void> {
  const { seed, steps: count, control, exam } = start
  const parameters = tree.leaves(model.init(random.key(0))).reduce((n, x) => n + x.shape.reduce((a, b) => a * b, 1), 0)
  yield { type: 'opened', kind: device.kind, label: device.label, parameters }
  const params = yield* coldStart(device, start, colds)
  const optimizer = grpoOptimizer('f32', count)
  const begin = async (name: RunName, stepFor: Run['stepFor']): Promise<Run> => ({
    name,
    stepFor,
    state: {
      ...(await realizeAsync({ params, opt: optimizer.init(params) }, device)),
      // What is measured against: where reinforcement learning begins.
      reference: await realizeAsync(params, device),
    },
  })
  let runs: readonly Run[] = [
    await begin('trained', steps(device, start, null)),
    ...(control === 'none' ? [] : [await begin('control', steps(device, start, control))]),
  ]
  const sit = exam === 0 ? null : evaluator({ ...sitting, task, policy, count: exam, device })
  const examined = async (run: Run, step: number): Promise<TrainEvent | null> => {
    if (sit === null) return null
    const { evaluation } = await done(sit(run.state.params))
    return { type: 'exam', run: run.name, step, accuracy: evaluation.passAt1, thinks: evaluation.thinkRate }
  }
  const first = await examined(runs[0]!, 0)
  // All runs begin with the same parameters.
  if (first?.type === 'exam') for (const { name } of runs) yield { ...first, run: name }
  const phase = foldIn(hostKey(seed), PHASE.grpo)
  for (let i = 0; i < count; i++) {
    const next: Run[] = []
    for (const run of runs) {
      const by = learning()
      const { state, metrics, graded } = await done(run.stepFor(by)(run.state, foldIn(phase, i)))
      const moved = { ...run, state }
      next.push(moved)
      const { liveBytes } = device.stats()
      yield { type: 'step', run: run.name, step: i + 1, metrics, group: shownGroup(graded, by.group), liveBytes }
      if ((i + 1) % EXAM_EVERY === 0 || i + 1 === count) {
        const result = await examined(moved, i + 1)
        if (result !== null) yield result
      }
    }
    runs = next
  }
  yield { type: 'done' }
}
