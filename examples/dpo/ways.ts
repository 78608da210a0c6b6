/**
 * Three ways to learn from the same reward. Each takes as many steps, and a step stands for as many sampled completions:
 * GRPO samples from the policy and takes advantages; online DPO samples from the policy and makes pairs; DPO has made its
 * pairs beforehand, of all the completions at once, from where it started.
 */
import {
  collector,
  dice,
  type Experience,
  foldIn,
  grpoStep,
  type GrpoState,
  type HostKey,
  type Metrics,
  type Phase,
  type PreferencePair,
  pairsFromSamples,
  preferenceLearner,
  type RunError,
} from '@adjoint/rl'
import type { TransformerParams } from '@adjoint/nn'
import type { Device } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { dpo, grpo, type Opt, PAIRS, PAIRS_OF_GROUP, sampling } from './setting.ts'

/** All three keep the start beside the policy. */
export type Learning = GrpoState<TransformerParams, Opt> & { readonly reference: TransformerParams }

/** A way to learn: its optimizer, and its steps, once what it needs beforehand is there. */
export interface Way {
  readonly optimizer: (typeof grpo | typeof dpo)['optimizer']
  readonly prepare: (start: TransformerParams) => TE.TaskEither<RunError, Phase<Learning>['advance']>
}

const pairsOf = ({ group, samples, breakdowns }: Experience<unknown>): readonly PreferencePair[] =>
  pairsFromSamples({ group, pairs: PAIRS_OF_GROUP })(
    samples,
    breakdowns.map((b) => b.total),
  )

/** Of so many pairs as a step has: one program serves all. */
const dealt = (pairs: readonly PreferencePair[], key: HostKey): readonly PreferencePair[] => {
  const roll = dice(key)
  return pairs.length === 0 ? [] : Array.from({ length: PAIRS }, () => pairs[roll(pairs.length)]!)
}

/** The ways by name; `key` is that of what is sampled beforehand, `steps` how many steps' worth. */
export const waysOf = (device: Device, steps: number, key: HostKey): Readonly<Record<string, Way>> => {
  const { policy } = sampling
  const collect = collector({ ...sampling, device })
  const learn = preferenceLearner({ ...dpo, policy, device })
  const byPairs = (state: Learning, pairs: readonly PreferencePair[], metrics: Metrics) =>
    // Where all completions of all groups are worth the same there is nothing to learn.
    pairs.length === 0
      ? TE.right({ state, metrics })
      : pipe(
          learn(state, pairs),
          TE.map((stepped) => ({ state: stepped.state, metrics: { ...metrics, ...stepped.metrics } })),
        )
  return {
    grpo: {
      optimizer: grpo.optimizer,
      prepare: (start) => {
        const step = grpoStep({ ...sampling, ...grpo, device })
        return TE.right((state, at) =>
          pipe(
            step(state, at.key),
            TE.map(({ metrics, times, state: next }) => ({ state: { ...next, reference: start }, metrics, times })),
          ),
        )
      },
    },
    'online-dpo': {
      optimizer: dpo.optimizer,
      prepare: () =>
        TE.right((state, at) =>
          pipe(
            collect(state.params, foldIn(at.key, 0)),
            TE.flatMap(({ experience, metrics }) => {
              const pairs = pairsOf(experience)
              return byPairs(state, dealt(pairs, foldIn(at.key, 1)), { ...metrics, pairs: pairs.length })
            }),
          ),
        ),
    },
    dpo: {
      optimizer: dpo.optimizer,
      prepare: (start) =>
        pipe(
          Array.from({ length: steps }, (_, i) => foldIn(key, i)),
          TE.traverseSeqArray((own) =>
            TE.map(({ experience }: { experience: Experience<unknown> }) => pairsOf(experience))(collect(start, own)),
          ),
          TE.map((all) => {
            const pairs = all.flat()
            return (state, at) => byPairs(state, dealt(pairs, at.key), { pairs: pairs.length / steps })
          }),
        ),
    },
  }
}
