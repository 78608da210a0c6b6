// Sources of experience: what they give follows from state, policy and key; their state is plain data.
import { sgd, transformer, type TransformerParams } from '@adjoint/nn'
import { random, realizeAsync } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drGrpo } from '../credit/advantage.ts'
import { outcome } from '../credit/credit.ts'
import { grpoFrom, grpoStep, type SourcedState } from '../learn/grpo.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { named } from '../reward/named.ts'
import { right, testDevice } from '../run/device.support.ts'
import { foldIn, hostKey } from '../run/keys.ts'
import { createLog } from '../run/log.ts'
import { type Chain, mod10Chains } from '../task/chain.ts'
import type { Collected } from './collect.ts'
import type { Experience } from './experience.ts'
import { experienceFromJson, experienceToJson, readExperiences } from './json.ts'
import { emptyReplay, logged, replay, sampler, type Source } from './source.ts'

const device = await testDevice()
const task = mod10Chains(2)
const model = transformer({ vocab: task.vocabulary.size, width: 8, layers: 1, heads: 1, context: 12 })
const policy = transformerPolicy(model, task.vocabulary)
const optimizer = sgd({ learningRate: 0.5 })
const shared = { policy, maxTokens: 5, temperature: 1, device }
const rewards = [named('short', (s: { length: number }) => 1 - s.length / 5)]
const sampling = { ...shared, task, prompts: 2, group: 3, rewards }
const learning = { ...shared, credit: outcome(drGrpo), objective: GRPO_OBJECTIVE, optimizer }
const begin = async () => {
  const params = await realizeAsync(model.init(random.key(0)), device)
  return { params, opt: optimizer.init(params), reference: null }
}

// A problem of the task as data, and back.
const toJson = experienceToJson<Chain>(({ digits, operators }) => ({ digits: [...digits], operators: [...operators] }))
const fromJson = experienceFromJson<Chain>((x) =>
  typeof x === 'object' && x !== null && 'digits' in x
    ? E.right(x as unknown as Chain)
    : E.left('a problem is no chain'),
)

/** Experience of which every number tells where it is from. */
const numbered = (version: number): Experience<number> => ({
  group: 1,
  width: 1,
  tokens: Int32Array.from([0, 1, 0, 1]),
  starts: null,
  mask: Float32Array.of(1, 1),
  samplerLogp: Float32Array.of(-1, -1 - version),
  samples: [0, 1].map((problem) => ({ problem, prompt: '', completion: '', length: 1, terminated: true })),
  breakdowns: [
    { total: NaN, parts: { a: NaN }, absent: { a: 'HTTP 500' } },
    { total: version, parts: { a: version } },
  ],
  steps: null,
  ids: [`${version}.0`, `${version}.1`],
  versions: [version, version],
})
const counting: Source<null, number, number> = (state, { version }) =>
  TE.right([{ experience: numbered(version), metrics: {}, absences: [], times: { rollout: 0, reward: 0 } }, state + 1])

describe('a replay buffer', () => {
  test('gives the fresh batch first, then old groups, none twice, and keeps the newest batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ capacity: fc.integer({ min: 1, max: 4 }), groups: fc.integer({ min: 1, max: 5 }) }),
        fc.nat(1000),
        async ({ capacity, groups }, seed) => {
          const source = replay({ capacity, groups })(counting)
          let state = emptyReplay<number, number>(0)
          for (let version = 0; version < 6; version++) {
            const at = { params: null, version }
            const [{ experience }, next] = await right(source(state, at, foldIn(hostKey(seed), version)))
            const again: readonly [Collected<number>, unknown] = await right(
              source(state, at, foldIn(hostKey(seed), version)),
            )
            expect(again[0].experience.ids).toEqual(experience.ids)
            expect(experience.ids.slice(0, 2)).toEqual([`${version}.0`, `${version}.1`])
            const old = experience.ids.slice(2)
            expect(old).toHaveLength(Math.min(groups, 2 * state.held.length))
            expect(new Set(old).size).toBe(old.length)
            for (const [i, id] of experience.ids.entries()) {
              const made = Number(id.split('.')[0])
              expect(experience.versions[i]).toBe(made)
              expect(made).toBeGreaterThanOrEqual(version - capacity)
              if (id.endsWith('.1')) expect(experience.samplerLogp[i]).toBe(-1 - made)
            }
            expect(next.inner).toBe(version + 1)
            state = next
          }
          expect(state.held).toHaveLength(Math.min(capacity, 6))
        },
      ),
      { seed: 1, numRuns: 30 },
    )
  })

  test('refuses sizes that are none', () => {
    expect(() => replay({ capacity: 0, groups: 1 })).toThrow(/capacity is 0/)
    expect(() => replay({ capacity: 1, groups: 0.5 })).toThrow(/groups is 0.5/)
  })
})

describe('learning from a source', () => {
  test('that is the sampler is GRPO, bit for bit', async () => {
    const [whole, sourced] = [grpoStep({ ...sampling, ...learning }), grpoFrom(sampler(sampling), learning)]
    const one = await right(whole(await begin(), hostKey(1)))
    const two = await right(sourced({ learner: await begin(), version: 0, source: null }, hostKey(1)))
    expect(two.graded).toEqual(one.graded)
    const { staleness, ...metrics } = two.metrics
    expect(metrics).toEqual(one.metrics)
    expect(staleness).toBe(0)
    expect(two.state.version).toBe(1)
  })

  test('whose state went through a checkpoint goes on as if it had not', async () => {
    type State = SourcedState<
      TransformerParams,
      ReturnType<typeof optimizer.init>,
      ReturnType<typeof emptyReplay<null, Chain>>
    >
    const step = grpoFrom(replay({ capacity: 2, groups: 2 })(sampler(sampling)), learning)
    const run = async (through: (state: State) => State) => {
      let state: State = { learner: await begin(), version: 0, source: emptyReplay(null) }
      const seen = []
      for (let i = 0; i < 4; i++) {
        const stepped = await right(step(through(state), foldIn(hostKey(1), i)))
        seen.push(stepped.metrics, stepped.ids)
        state = stepped.state
      }
      return seen
    }
    const saved = (state: State): State => ({
      ...state,
      source: {
        ...state.source,
        held: state.source.held.map((e) => {
          const back = fromJson(JSON.parse(JSON.stringify(toJson(e))))
          if (E.isLeft(back)) throw new Error(back.left)
          return back.right
        }),
      },
    })
    const plain = await run((state) => state)
    expect(await run(saved)).toEqual(plain)
    expect(plain.some((x) => 'staleness' in x && x['staleness'] > 0)).toBe(true)
  })
})

describe('experience as a line of a log', () => {
  test('is read back to the bit, absent rewards included; what is none is named', () => {
    const json = experienceToJson<number>((p) => p)(numbered(3))
    const decode = experienceFromJson((x) => (typeof x === 'number' ? E.right(x) : E.left('a problem is no number')))
    expect(decode(JSON.parse(JSON.stringify(json)))).toEqual(E.right(numbered(3)))
    expect(decode({ ...json, mask: [1, 'x'] })).toEqual(E.left('experience.mask[1] is not 0 or 1'))
    expect(decode({ ...json, mask: [1] })).toMatchObject({ left: expect.stringContaining('elements where') as string })
    expect(decode({ ...json, samples: [] })).toMatchObject({ _tag: 'Left' })
    expect(decode(null)).toEqual(E.left('experience is not an object'))
  })

  test('comes from a file as a source, round and round; an empty one is no data', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'logged-'))
    try {
      const path = join(folder, 'rollouts.jsonl')
      const log = await right(createLog(path))
      const lines = [1, 2].map((v) => ({
        ...experienceToJson<number>((p) => p)(numbered(v)),
        ...{ kind: 'experience', phase: '', step: v },
      }))
      await right(log.append(lines))
      await right(log.close)
      const read = readExperiences((x) => (typeof x === 'number' ? E.right(x) : E.left('a problem is no number')))
      const source = logged(await right(read(path)))
      let state = { next: 0 }
      const versions = []
      for (let i = 0; i < 3; i++) {
        const [{ experience }, next] = await right(source(state, { params: null, version: i }, hostKey(0)))
        versions.push(experience.versions[0])
        state = next
      }
      expect(versions).toEqual([1, 2, 1])
      const none = logged<number>([])
      expect(await none({ next: 0 }, { params: null, version: 0 }, hostKey(0))()).toMatchObject({
        left: { _tag: 'EmptyDataset' },
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
