/** A small run of GRPO and random programs, as their bits: the same module runs in Node and in a page. */
import { adam, transformer } from '@adjoint/nn'
import {
  accuracy,
  format,
  group,
  GRPO_OBJECTIVE,
  grpoStep,
  type GrpoState,
  foldIn,
  hostKey,
  mod10Chain,
  named,
  outcome,
  transformerPolicy,
} from '@adjoint/rl'
import { type Device, random, readAsync, realizeAsync, tree } from '@adjoint/tensor'
import { typed } from '@adjoint/tensor/ir'
import { hostArray, programs } from '@adjoint/testing'
import { tensor } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'

const MAX_TOKENS = 8
const model = transformer({
  vocab: mod10Chain.vocabulary.size,
  width: 32,
  layers: 1,
  heads: 2,
  context: 11 + MAX_TOKENS,
})
const optimizer = adam({ learningRate: 1e-3 })
type State = GrpoState<ReturnType<typeof model.init>, ReturnType<typeof optimizer.init>>

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
const digest = async (arrays: readonly ArrayBufferView[]): Promise<string> => {
  const parts = await Promise.all(
    arrays.map(async ({ buffer, byteOffset, byteLength }) => {
      const bytes = Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength))
      return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes))
    }),
  )
  return hex(
    new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', Uint8Array.from(parts.flatMap((p) => [...p])))),
  )
}

/** What each step of a run measured, and what the run held on the device after it. */
export interface Learnt {
  readonly steps: readonly { readonly metrics: Readonly<Record<string, number>>; readonly liveBytes: number }[]
  /** Of all parameters at the end. */
  readonly bits: string
}

/** So many steps of GRPO from random parameters. Throws what a step fails with. */
export const learn = async (device: Device, count: number): Promise<Learnt> => {
  const step = grpoStep({
    task: mod10Chain,
    policy: transformerPolicy(model, mod10Chain.vocabulary),
    prompts: 4,
    group: 8,
    maxTokens: MAX_TOKENS,
    temperature: 1,
    // A third reward, so that random parameters find something to learn.
    rewards: [
      named('correct', accuracy(mod10Chain.verify)),
      named('format', format),
      named('digits', ({ completion }) => completion.replaceAll(/\D/g, '').length / MAX_TOKENS),
    ],
    credit: outcome(group()),
    objective: GRPO_OBJECTIVE,
    optimizer,
    device,
  })
  const params = model.init(random.key(3))
  let state: State = await realizeAsync({ params, opt: optimizer.init(params), reference: null }, device)
  const steps: Learnt['steps'][number][] = []
  for (let i = 0; i < count; i++) {
    const stepped = await step(state, foldIn(hostKey(5), i))()
    if (E.isLeft(stepped)) throw new Error(JSON.stringify(stepped.left))
    state = stepped.right.state
    steps.push({ metrics: stepped.right.metrics, liveBytes: device.stats().liveBytes })
  }
  return { steps, bits: await digest(await Promise.all(tree.leaves(state.params).map((leaf) => readAsync(leaf)))) }
}

/** The bits of random programs on a device. */
export const bitsOfPrograms = async (device: Device, numRuns: number): Promise<string> => {
  const results = []
  for (const { build, inputs } of fc.sample(programs({ maxSteps: 10 }), { seed: 8, numRuns })) {
    const roots = build(inputs.map((x) => tensor(hostArray(x), x.shape, 'f32'))).slice(0, 3)
    for (const x of await realizeAsync(
      roots.map((r) => typed(r)),
      device,
    ))
      results.push(await readAsync(x))
  }
  return digest(results)
}
