import { grad } from '@adjoint/autograd'
import { type Floats, tokenLogp } from '@adjoint/nn'
import { stopGradient, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { constant, tokenMean } from './aggregate.ts'
import { cispo, unclipped } from './clip.ts'
import { importanceK3 } from './kl.ts'
import { GRPO_OBJECTIVE, objective, type ObjectiveConfig } from './objective.ts'
import { geometric, sequenceRatio } from './ratio.ts'
import {
  allNear,
  batches,
  dirtied,
  full,
  gradOf,
  type Host,
  junk,
  law,
  logpOf,
  lossOf,
  many,
  maskOf,
  near,
  rolloutsOf,
  value,
  values,
} from '../policy/rollouts.support.ts'

describe('masks', () => {
  const configs: readonly (readonly [string, ObjectiveConfig])[] = [
    ['full', full],
    ['tokenMean', { ...full, aggregate: tokenMean }],
    ['constant', { ...full, aggregate: constant(8) }],
    ['gspo', { ...full, ratio: sequenceRatio }],
    ['gmpo', { ...full, ratio: geometric({ low: 0.4, high: 0.4 }), clip: unclipped }],
    ['cispo', { ...full, clip: cispo(0.28) }],
    ['rho k3', { ...full, kl: importanceK3 }],
  ]
  test.each(configs)('%s: what padding holds changes nothing, and has no gradient', (_, config) => {
    fc.assert(
      fc.property(batches, junk, junk, (h, x, y) => {
        const dirty = dirtied(h, x, y)
        const mask = maskOf(h)
        // Weights and entropies have padding too.
        const of = (on: Host, at: number) => {
          const weights = tensor(
            mask.map((m) => (m === 1 ? 0.5 : at)),
            [h.B, h.T],
          )
          const loss = (logp: Floats) =>
            objective({ ...config, entropyBonus: 0.1 })({ ...rolloutsOf(on), weights })(logp, logp)
          return [value(loss(logpOf(on))), values(grad(loss)(logpOf(on)))] as const
        }
        const [[clean, slope], [soiled, dirtySlope]] = [of(h, 0), of(dirty, x)]
        return (
          soiled === clean && allNear(dirtySlope, slope, 1e-12) && dirtySlope.every((v, i) => mask[i] === 1 || v === 0)
        )
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  test.each(configs)('%s: wider padding changes nothing', (_, config) => {
    fc.assert(
      fc.property(batches, (h) => {
        const W = h.T + 2
        const widen = (xs: readonly number[]): readonly number[] =>
          Array.from({ length: h.B * W }, (_, i) => (i % W < h.T ? xs[Math.floor(i / W) * h.T + (i % W)]! : -7))
        const wide = { ...h, T: W, logp: widen(h.logp), oldLogp: widen(h.oldLogp), refLogp: widen(h.refLogp) }
        const kept = gradOf(config, wide).filter((_, i) => i % W < h.T)
        return near(lossOf(config, h), lossOf(config, wide), 1e-9) && allNear(kept, gradOf(config, h), 1e-9)
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  law('all masked gives 0, not NaN', batches, (h) => {
    const none = { ...h, lengths: h.lengths.map(() => 0) }
    return configs.every(([, config]) => lossOf(config, none) === 0 && gradOf(config, none).every((g) => g === 0))
  })

  // A row as a model sees it: a prompt of P tokens, a completion that ends with EOS, padding that is EOS as well.
  const [P, N, V, EOS] = [2, 4, 3, 0]
  const rows = fc.record({
    length: fc.integer({ min: 1, max: N }),
    logits: many(fc.double({ min: -2, max: 2, noNaN: true }), (P + N) * V),
    tokens: many(fc.integer({ min: 1, max: V - 1 }), P + N),
    junk: fc.constantFrom(-1e4, 1e4),
  })
  law(
    'prompts and padding get no gradient, whatever their logits; the token that ends a completion does',
    rows,
    (row) => {
      const at = (t: number): 'prompt' | 'completion' | 'padding' =>
        t < P ? 'prompt' : t < P + row.length ? 'completion' : 'padding'
      const tokens = row.tokens.map((token, t) => (t >= P + row.length - 1 ? EOS : token))
      const mask = tensor(
        tokens.map((_, t) => (at(t) === 'completion' ? 1 : 0)),
        [1, P + N],
      )
      const gradient = (logits: readonly number[]): readonly number[] => {
        const logpOfLogits = (x: Floats): Floats => tokenLogp(x, tensor(Int32Array.from(tokens), [1, P + N]))
        const x: Floats = tensor(logits, [1, P + N, V])
        const oldLogp = stopGradient(logpOfLogits(x))
        const rollouts = { mask, oldLogp, refLogp: null, advantages: tensor([1], [1, 1]), weights: null, totals: null }
        return values(grad((l: Floats) => objective(GRPO_OBJECTIVE)(rollouts)(logpOfLogits(l)))(x))
      }
      const g = gradient(row.logits)
      const dirty = row.logits.map((l, i) =>
        at(Math.floor(i / V)) === 'completion' ? l : i % 2 === 0 ? row.junk : -row.junk,
      )
      const touched = (t: number): boolean => g.slice(t * V, (t + 1) * V).some((v) => v !== 0)
      return allNear(gradient(dirty), g, 1e-9) && tokens.every((_, t) => touched(t) === (at(t) === 'completion'))
    },
  )
})
