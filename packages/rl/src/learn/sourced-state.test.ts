// A run that learns from a source, killed and gone on with: what the source held is there again.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adam, transformer } from '@adjoint/nn'
import { random, readAsync, tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, describe, expect, test } from 'vitest'
import { group } from '../credit/advantage.ts'
import { outcome } from '../credit/credit.ts'
import { emptyReplay, replay, sampler } from '../experience/source.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { named } from '../reward/named.ts'
import { right, testDevice } from '../run/device.support.ts'
import { run } from '../run/run.ts'
import { mod10Chains } from '../task/chain.ts'
import { grpoFrom } from './grpo.ts'
import { noSourceState, replaySourceState, sourcedState } from './sourced-state.ts'

const device = await testDevice()
const root = await mkdtemp(join(tmpdir(), 'adjoint-sourced-'))
afterAll(() => rm(root, { recursive: true }))

const task = mod10Chains(2)
type Problem = ReturnType<typeof task.generate>
const model = transformer({ vocab: task.vocabulary.size, width: 8, layers: 1, heads: 2, context: 16 })
const optimizer = adam({ learningRate: 1e-2 })
const shared = { policy: transformerPolicy(model, task.vocabulary), maxTokens: 6, temperature: 1, device }
const rewards = [named<Problem>('short', ({ length, completion }) => 1 / length + completion.length / 50)]
const source = replay({ capacity: 2, groups: 2 })(sampler({ ...shared, task, prompts: 2, group: 3, rewards }))
const step = grpoFrom(source, { ...shared, credit: outcome(group()), objective: GRPO_OBJECTIVE, optimizer })
const isProblem = (data: unknown): data is Problem =>
  typeof data === 'object' && data !== null && 'digits' in data && 'operators' in data
const problems = {
  toJson: ({ digits, operators }: Problem) => ({ digits, operators }),
  fromJson: (data: unknown) => (isProblem(data) ? E.right(data) : E.left('a problem has digits and operators')),
}
const codec = sourcedState<
  ReturnType<typeof model.init>,
  ReturnType<typeof optimizer.init>,
  ReturnType<typeof emptyReplay<null, Problem>>
>(replaySourceState(problems)(noSourceState))

const learn = (folder: string, resume: boolean, dies = (_: number): boolean => false) => {
  const params = model.init(random.key(0))
  return run({
    folder,
    seed: 5,
    phases: [
      {
        name: 'grpo',
        steps: 5,
        enter: (state) => state,
        advance: (state, { step: at, key }) => {
          if (dies(at)) throw new Error('the power line')
          return step(state, key)
        },
      },
    ],
    checkpointEvery: 2,
    settings: { seed: 5 },
    codec,
  })(
    {
      learner: { params, opt: optimizer.init(params), reference: null },
      version: 0,
      source: emptyReplay<null, Problem>(null),
    },
    { resume },
  )
}

describe('a run that learns from a replay buffer', () => {
  test('killed and gone on with, ends with the log, the buffer and the parameters of one that was not', async () => {
    const [whole, folder] = [join(root, 'whole'), join(root, 'cut')]
    const last = await right(learn(whole, false))
    await expect(learn(folder, false, (at) => at === 3)()).rejects.toThrow('the power line')
    const gone = await right(learn(folder, true))
    expect(await readFile(join(folder, 'log.jsonl'), 'utf8')).toBe(await readFile(join(whole, 'log.jsonl'), 'utf8'))
    expect(gone.version).toBe(5)
    expect(gone.source.held).toEqual(last.source.held)
    const bits = async (of: typeof last) =>
      Promise.all(tree.leaves(of.learner.params).map(async (x) => [...(await readAsync(x))]))
    expect(await bits(gone)).toEqual(await bits(last))
  })

  test('whose buffer is damaged is not gone on with', () => {
    const tensors = { learner: null, version: null, source: { inner: null, held: null } }
    const damaged = codec.restore(tensors, { learner: null, version: 1, source: { inner: null, held: [{}] } })
    expect(damaged).toEqual(E.left('source: held: experience.group is not a whole number of 0 or more'))
    const negative = codec.restore(tensors, { learner: null, version: -1, source: { inner: null, held: [] } })
    expect(negative).toEqual(E.left('version: it is no number of steps'))
  })
})
