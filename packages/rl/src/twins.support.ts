/** Test support: each effect of the package and its `Async` twin, called alike in two worlds. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adam, transformer } from '@adjoint/nn'
import { type Device, ones, random, requestDeviceAsync, scalar, type Scalar, zeros } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll } from 'vitest'
import * as rl from './index.ts'
import { testDevice } from './run/device.support.ts'

/** Where an effect is called: it fails where the device is gone, the folder is not there, or what it calls fails. */
export interface World {
  readonly fails: boolean
  readonly device: Device
  /** A file that is not there yet. */
  readonly file: () => string
}
const root = await mkdtemp(join(tmpdir(), 'adjoint-twins-'))
afterAll(() => rm(root, { recursive: true }))
let paths = 0
const fresh = (): string => join(root, `${paths++}`)
const gone = await requestDeviceAsync({ kind: 'wasm' })
await gone.destroy()
export const good: World = { fails: false, device: await testDevice(), file: fresh }
export const bad: World = { fails: true, device: gone, file: () => join(root, 'missing', 'file') }

/** What effect and twin come to. States are compared by what can be compared of them. */
const pair =
  <A>(
    effect: (world: World) => TE.TaskEither<rl.RlError, A>,
    twin: (world: World) => Promise<A>,
    shown: (value: A) => unknown,
  ) =>
  async (world: World) => {
    const expected = await TE.map(shown)(effect(world))()
    const [settled] = await Promise.allSettled([twin(world).then(shown)])
    return { expected, settled }
  }
const measured = ({ metrics }: { readonly metrics: rl.Metrics }): unknown => metrics
const itself = (value: unknown): unknown => value

const task = rl.mod10Chains(2)
const { vocabulary } = task
const model = transformer({ vocab: vocabulary.size, width: 8, layers: 1, heads: 2, context: 16 })
const policy = rl.transformerPolicy(model, vocabulary)
const optimizer = adam({ learningRate: 1e-2 })
const key = rl.hostKey(1)
// A step reuses the memory of its state: each call has its own.
const params = () => model.init(random.key(0))
const learnerOf = <P>(own: P, opt: ReturnType<typeof optimizer.init>) => ({ params: own, opt })
const start = () => learnerOf(params(), optimizer.init(params()))
const referred = () => ({ ...start(), reference: params() })
const unreferred = () => ({ ...start(), reference: null })
const mixed = { params: { weight: ones([2]) }, opt: null, reference: { weight: zeros([2]) } }
const at = { params: params(), version: 0 }

const sampling = ({ device }: World) => ({ task, policy, group: 2, maxTokens: 6, temperature: 1, device })
const exam = ({ device }: World) => ({
  ...{ task, policy, count: 2, samples: 2, maxTokens: 6, temperature: 1, seed: 0, device },
})
const rewards = [rl.named('short', ({ length }: rl.Sample<rl.Chain>) => 1 / length)]
const collecting = (world: World) => ({ ...sampling(world), prompts: 2, rewards })
const learning = ({ device }: World) => ({
  ...rl.presets.dapo,
  policy,
  maxTokens: 6,
  temperature: 1,
  optimizer,
  device,
})
const critic = rl.ownCritic(model)
const ppo = (world: World) => ({
  ...{ ...collecting(world), critic, objective: rl.GRPO_OBJECTIVE },
  ...{ optimizer, criticOptimizer: optimizer },
})
const both = () => {
  const expecting = critic.init(random.key(1))
  return { ...unreferred(), critic: learnerOf(expecting, optimizer.init(expecting)), control: null }
}
const texts = rl.traces(task, { rows: 4, thinkShare: 1 })
const pairs = rl.preferencePairs(task, { rows: 4, split: 'train', corruptions: [rl.wrongAnswer] })
const update = ({ device }: World) => ({ policy, optimizer, device })
const preferring = (world: World) => ({ ...update(world), loss: rl.dpo({ beta: 0.1 }) })
const judging = rl.rewardModel(model)
const judge = () => judging.init(random.key(0))
const judged = ({ device }: World) => ({ model: judging, vocabulary, optimizer, device })
const judgeStart = () => learnerOf(judge(), optimizer.init(judge()))
const steps = rl.labelledSteps(task, { rows: 4, split: 'train', separator: '', corruptions: [rl.slip] })
const teacher = { policy, params: model.init(random.key(1)) }
const distilling = (world: World) => ({ ...update(world), teacher, divergence: rl.forwardKl })
const own = { task, prompts: 2, maxTokens: 6, temperature: 1 }
const asked = rl.problems(task, 'train', { count: 2 })(key)

const collected = await rl.collectorAsync(collecting(good))(params(), key)
const problem = (x: unknown): E.Either<string, null> => (x === null ? E.right(null) : E.left('it is a problem'))
const EMPTY: rl.RunError = { _tag: 'EmptyDataset', name: 'the test' }

const counting = ({ fails }: World) => ({
  ...{ folder: fresh(), seed: 0, checkpointEvery: 1, settings: {} },
  phases: [
    {
      ...{ name: 'count', steps: 2, enter: (n: Scalar) => n },
      advance: (n: Scalar) => (fails ? TE.left(EMPTY) : TE.right({ state: n, metrics: { done: 1 } })),
    },
  ],
})
const stage =
  ({ fails }: World): rl.Stage<number> =>
  (n) =>
    fails ? TE.left({ stage: 'increment', error: EMPTY }) : TE.right(n + 1)
const recipe = (world: World): rl.Recipe<number> => [{ name: 'increment', at: () => stage(world) }]
const place = ({ device }: World) => ({ device, folder: fresh(), seed: 0, resume: false, checkpointEvery: 1 })
const written = async (text: string): Promise<string> => {
  const path = fresh()
  await writeFile(path, text)
  return path
}
const log = await written('{"kind":"step","phase":"sft","step":0}\n')
const [stood, rows] = [(world: World) => (world.fails ? world.file() : log), await written('{"a":1}\n')]
const impatient = { concurrency: 1, timeout: 1000, retries: 0 }
const scoreOf = (world: World) => () => (world.fails ? Promise.reject(new Error('HTTP 500')) : Promise.resolve(0.5))
const sample = { problem: null, prompt: '1+1=', completion: '2', length: 1, terminated: true }
const asking = ({ fails }: World) => ({
  task,
  teacher: {
    settings: { model: 'm', temperature: 1, maxTokens: 10, seed: null, system: null, extra: {} },
    concurrency: 1,
    ask: (): TE.TaskEither<rl.TeacherError, rl.Trace> =>
      fails
        ? TE.left({ _tag: 'Aborted' })
        : TE.right({ think: '', answer: '5', text: '5', finishReason: 'stop', usage: null }),
  },
})
const batchesOf = ({ fails }: World) => (fails ? [] : [collected.experience])
const lines = (opened: rl.Log): unknown => opened.lines()
const firstOf = ([{ experience }]: readonly [rl.Collected<rl.Chain>, unknown]): unknown => experience
const sourced = <S>(source: S) => ({ learner: unreferred(), version: 0, source })
const filled = rl.emptyReplay<{ readonly next: number }, rl.Chain>({ next: 0 })

/** By the names of the effects. */
export const table = {
  roller: pair(
    (w) => rl.roller(sampling(w))(params(), asked, key),
    (w) => rl.rollerAsync(sampling(w))(params(), asked, key),
    ({ samples }) => samples,
  ),
  collector: pair(
    (w) => rl.collector(collecting(w))(params(), key),
    (w) => rl.collectorAsync(collecting(w))(params(), key),
    ({ experience }) => experience,
  ),
  evaluator: pair(
    (w) => rl.evaluator(exam(w))(params()),
    (w) => rl.evaluatorAsync(exam(w))(params()),
    itself,
  ),
  readExperiences: pair(
    (w) => rl.readExperiences(problem)(stood(w)),
    (w) => rl.readExperiencesAsync(problem)(stood(w)),
    itself,
  ),
  sampler: pair(
    (w) => rl.sampler(collecting(w))(null, at, key),
    (w) => rl.samplerAsync(collecting(w))(null, at, key),
    firstOf,
  ),
  replay: pair(
    (w) => rl.replay({ capacity: 2, groups: 1 })(rl.logged(batchesOf(w)))(filled, at, key),
    (w) => rl.replayAsync({ capacity: 2, groups: 1 })(rl.loggedAsync(batchesOf(w)))(filled, at, key),
    firstOf,
  ),
  logged: pair(
    (w) => rl.logged(batchesOf(w))({ next: 0 }, at, key),
    (w) => rl.loggedAsync(batchesOf(w))({ next: 0 }, at, key),
    firstOf,
  ),
  learner: pair(
    (w) => rl.learner(learning(w))(unreferred(), collected.experience, key),
    (w) => rl.learnerAsync(learning(w))(unreferred(), collected.experience, key),
    measured,
  ),
  grpoFrom: pair(
    (w) => rl.grpoFrom(rl.logged(batchesOf(w)), learning(w))(sourced({ next: 0 }), key),
    (w) => rl.grpoFromAsync(rl.loggedAsync(batchesOf(w)), learning(w))(sourced({ next: 0 }), key),
    measured,
  ),
  grpoStep: pair(
    (w) => rl.grpoStep({ ...learning(w), ...collecting(w) })(unreferred(), key),
    (w) => rl.grpoStepAsync({ ...learning(w), ...collecting(w) })(unreferred(), key),
    measured,
  ),
  ppoStep: pair(
    (w) => rl.ppoStep(ppo(w))(both(), key),
    (w) => rl.ppoStepAsync(ppo(w))(both(), key),
    measured,
  ),
  sftStep: pair(
    (w) => rl.sftStep({ ...update(w), batch: texts })(start(), key),
    (w) => rl.sftStepAsync({ ...update(w), batch: texts })(start(), key),
    measured,
  ),
  syncReference: pair(
    ({ device }) => rl.syncReference({ every: 2, alpha: 0.5 }, device)(mixed, 2),
    ({ device }) => rl.syncReferenceAsync({ every: 2, alpha: 0.5 }, device)(mixed, 2),
    ({ reference }) => String(reference?.weight),
  ),
  dpoStep: pair(
    (w) => rl.dpoStep({ ...preferring(w), batch: pairs })(referred(), key),
    (w) => rl.dpoStepAsync({ ...preferring(w), batch: pairs })(referred(), key),
    measured,
  ),
  preferenceLearner: pair(
    (w) => rl.preferenceLearner(preferring(w))(referred(), pairs(key)),
    (w) => rl.preferenceLearnerAsync(preferring(w))(referred(), pairs(key)),
    measured,
  ),
  ktoStep: pair(
    (w) => rl.ktoStep({ ...update(w), beta: 0.1, batch: (k) => rl.unpaired(pairs(k)) })(referred(), key),
    (w) => rl.ktoStepAsync({ ...update(w), beta: 0.1, batch: (k) => rl.unpaired(pairs(k)) })(referred(), key),
    measured,
  ),
  rewardModelStep: pair(
    (w) => rl.rewardModelStep({ ...judged(w), batch: pairs })(judgeStart(), key),
    (w) => rl.rewardModelStepAsync({ ...judged(w), batch: pairs })(judgeStart(), key),
    measured,
  ),
  pairEvaluator: pair(
    ({ device }) => rl.pairEvaluator({ model: judging, vocabulary, rows: 8, device })(judge(), pairs(key)),
    ({ device }) => rl.pairEvaluatorAsync({ model: judging, vocabulary, rows: 8, device })(judge(), pairs(key)),
    itself,
  ),
  processRewardStep: pair(
    (w) => rl.processRewardStep({ ...judged(w), batch: steps })(judgeStart(), key),
    (w) => rl.processRewardStepAsync({ ...judged(w), batch: steps })(judgeStart(), key),
    measured,
  ),
  distillStep: pair(
    (w) => rl.distillStep({ ...distilling(w), batch: texts })(start(), key),
    (w) => rl.distillStepAsync({ ...distilling(w), batch: texts })(start(), key),
    measured,
  ),
  onPolicyDistillStep: pair(
    (w) => rl.onPolicyDistillStep({ ...distilling(w), sampling: own })(start(), key),
    (w) => rl.onPolicyDistillStepAsync({ ...distilling(w), sampling: own })(start(), key),
    measured,
  ),
  gkdStep: pair(
    (w) => rl.gkdStep({ ...distilling(w), lambda: 0.5, batch: texts, sampling: own })(start(), key),
    (w) => rl.gkdStepAsync({ ...distilling(w), lambda: 0.5, batch: texts, sampling: own })(start(), key),
    measured,
  ),
  miniLlmStep: pair(
    (w) => rl.miniLlmStep({ ...update(w), teacher, sampling: own })(start(), key),
    (w) => rl.miniLlmStepAsync({ ...update(w), teacher, sampling: own })(start(), key),
    measured,
  ),
  divergenceMeter: pair(
    ({ device }) =>
      rl.divergenceMeter({ policy, teacher, divergences: { kl: rl.forwardKl }, device })(params(), texts(key)),
    ({ device }) =>
      rl.divergenceMeterAsync({ policy, teacher, divergences: { kl: rl.forwardKl }, device })(params(), texts(key)),
    itself,
  ),
  rejectionSample: pair(
    (w) => rl.rejectionSample({ ...sampling(w), count: 2, accept: {} })(params(), key),
    (w) => rl.rejectionSampleAsync({ ...sampling(w), count: 2, accept: {} })(params(), key),
    itself,
  ),
  snapshot: pair(
    ({ device }) => rl.snapshot(device)({ weight: ones([2]) }),
    ({ device }) => rl.snapshotAsync(device)({ weight: ones([2]) }),
    ({ weight }) => String(weight),
  ),
  run: pair(
    (w) => rl.run(counting(w))(scalar(3), { resume: false }),
    (w) => rl.runAsync(counting(w))(scalar(3), { resume: false }),
    String,
  ),
  stages: pair(
    (w) => rl.stages([stage(w), stage(w)])(0),
    (w) => rl.stagesAsync([stage(w), stage(w)])(0),
    itself,
  ),
  perform: pair(
    (w) => rl.perform(recipe(w))(place(w))(0),
    (w) => rl.performAsync(recipe(w))(place(w))(0),
    itself,
  ),
  begun: pair(
    (w) => rl.begun(w.fails ? log : root),
    (w) => rl.begunAsync(w.fails ? log : root),
    itself,
  ),
  createLog: pair(
    ({ file }) => rl.createLog(file()),
    ({ file }) => rl.createLogAsync(file()),
    lines,
  ),
  readLog: pair(
    (w) => rl.readLog(stood(w)),
    (w) => rl.readLogAsync(stood(w)),
    itself,
  ),
  resumeLog: pair(
    (w) => rl.resumeLog(stood(w), 1),
    (w) => rl.resumeLogAsync(stood(w), 1),
    lines,
  ),
  readJsonLines: pair(
    ({ fails }) => rl.readJsonLines({ path: rows, schema: fails ? () => E.left('no row') : E.right }),
    ({ fails }) => rl.readJsonLinesAsync({ path: rows, schema: fails ? () => E.left('no row') : E.right }),
    itself,
  ),
  patient: pair(
    (w) => rl.patient(impatient)(scoreOf(w))(sample),
    (w) => rl.patientAsync(impatient)(scoreOf(w))(sample),
    itself,
  ),
  openTraceCache: pair(
    ({ file }) => rl.openTraceCache(file()),
    ({ file }) => rl.openTraceCacheAsync(file()),
    (cache) => cache.size(),
  ),
  teacherTraces: pair(
    (w) => rl.teacherTraces(asking(w))(asked),
    (w) => rl.teacherTracesAsync(asking(w))(asked),
    itself,
  ),
}

/** A step whose objective asks for a reference, of a state that has none: the effect, and its twin. */
const anchored = { ...learning(good), ...collecting(good), objective: { ...rl.GRPO_OBJECTIVE, beta: 0.1 } }
export const thoughtless: readonly (() => unknown)[] = [
  () => rl.grpoStep(anchored)(unreferred(), key),
  () => rl.grpoStepAsync(anchored)(unreferred(), key),
]
