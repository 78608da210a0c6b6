/** Muon: momentum of matrices, orthogonalized, so that a step turns all directions of a layer alike. */
import { add, cast, div, mul, scalar, type Scalar, type Tensor, tree, type Tree } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { adamW, type AdamMoments } from './adam.ts'
import { type Coefficient, complement, demandDecay, demandPositive, scalarOf, times } from './coefficient.ts'
import { addDecayedWeights } from './decay.ts'
import { marksOf, type Mask } from './mark.ts'
import { correction, held, meanOf } from './moment.ts'
import { type NewtonSchulzConfig, orthogonalize } from './orthogonalize.ts'
import { partition } from './partition.ts'
import { type LearningRate, descend } from './scale.ts'
import {
  chain,
  demandState,
  type GradientTransformation,
  mapFloats,
  opaque,
  stateless,
  zeroTree,
} from './transformation.ts'

/** Sums of a mean and a gradient of this size are numbers of single precision. */
const LARGEST = 1e36

/** How Muon averages. */
export interface MuonMoments extends NewtonSchulzConfig {
  /** Decay of the mean of gradients. Default 0.95. */
  readonly beta?: Coefficient
  /** Looks one step ahead. Default true. */
  readonly nesterov?: boolean
}

/** Updates made, and the mean of gradients, with the structure of the parameters. */
export type MuonState = { readonly count: Scalar<'i32'>; readonly mu: Tree }

/**
 * The orthogonalized mean of gradients: `m <- beta m + (1 - beta) g`, update `orthogonalize(m')` with
 * `m' = beta m / (1 - beta^(t+1)) + (1 - beta) g / (1 - beta^t)`, or, without `nesterov`, `m' = m`. All leaves are matrices,
 * or stacks of them on their last two axes. Source: Jordan et al. (2024), with optax's correction of the bias. A gradient
 * beyond 1e36 counts as 1e36. Throws
 * RangeError for a decay outside [0, 1); its update throws ShapeError for a leaf of rank below 2.
 *
 * @example
 * ```ts
 * import { scaleByMuon } from '@adjoint/nn'
 * import { zeros } from '@adjoint/tensor'
 * const params = { weight: zeros([4, 8]) }
 * const muon = scaleByMuon({})
 * console.log(muon.update(params, muon.init(params), params)[0].weight.shape) // [4, 8]
 * ```
 */
export const scaleByMuon = (options: MuonMoments): GradientTransformation<MuonState> => {
  const {
    beta = 0.95,
    nesterov = true,
    ...schulz
  } = optionsOf('scaleByMuon', options, { beta: true, nesterov: true, steps: true, coefficients: true, eps: true })

  demandDecay('muon', { beta })
  const orthogonal = orthogonalize(schulz)
  return {
    init: (params) => ({ count: scalar(0, 'i32'), mu: zeroTree(params) }),
    update: (updates, state) => {
      demandState('scaleByMuon', ['count', 'mu'], state)
      const count = add(state.count, 1)
      const t = cast('f32')(count)
      const grads = mapFloats((g) => held(g, LARGEST), updates)
      const mu = meanOf(beta, grads, state.mu)
      const now = correction(beta, t)
      const ahead = div(scalarOf(beta), correction(beta, add(t, 1)))
      const last = div(scalarOf(complement(beta)), now)
      const step = nesterov
        ? mapFloats((m, g) => add(mul(m, ahead), mul(g, last)), mu, grads)
        : mapFloats((m) => div(m, now), mu)
      return [mapFloats(orthogonal, step), { count, mu }]
    },
  }
}

/** Scales the update of each matrix [..., m, n] (y = x W, from m to n) by a factor of its shape alone. */
const scaleByShape = (rms: Coefficient | undefined): GradientTransformation<null> =>
  stateless((updates) =>
    mapFloats((u) => {
      const [from, to] = [u.shape.at(-2)!, u.shape.at(-1)!]
      if (rms !== undefined) return times(mul(u, Math.sqrt(Math.max(from, to))), rms)
      return mul(u, Math.sqrt(Math.max(1, to / Math.max(1, from))))
    }, updates),
  )

/** Muon for matrices, AdamW for all else. */
export interface MuonConfig extends MuonMoments {
  readonly learningRate: LearningRate
  /** Of the matrices. Default 0. */
  readonly weightDecay?: Coefficient
  /** Which matrices decay. Default: all. */
  readonly decays?: Mask
  /**
   * Which leaves are matrices to Muon, or stacks of them on their last two axes. Default: those of rank 2. Embeddings and the
   * last layer are better left to Adam.
   */
  readonly matrices?: Mask
  /** Root mean square of an update instead of the factor of its shape: 0.2 is Adam's (arXiv:2502.16982, eq. 4). */
  readonly consistentRms?: Coefficient
  /** AdamW for the other leaves; the learning rate is Muon's and the decay of weights 0 where not given. */
  readonly adam?: AdamMoments & { readonly learningRate?: LearningRate; readonly weightDecay?: Coefficient }
}

/** The states of Muon's two parts, by name. */
export type MuonStates = { readonly muon: Tree; readonly adam: Tree }

/**
 * Muon: update `-lr (sqrt(max(1, n / m)) O + weightDecay p)` of each matrix [m, n], O what `scaleByMuon` makes; or, with
 * `consistentRms` r, `r sqrt(max(m, n)) O`, so that the learning rates of AdamW can be kept. AdamW, with Nesterov as here, for all
 * other leaves. Source: Jordan et al., Muon (2024); Liu et al., Muon is Scalable for LLM Training (arXiv:2502.16982); defaults as
 * optax.contrib.muon.
 *
 * @example
 * ```ts
 * import { muon } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * const params = { embed: ones([16, 4]), weight: ones([4, 4]), bias: ones([4]) }
 * const optimizer = muon({
 *   learningRate: 0.02,
 *   matrices: (path, leaf) => leaf.shape.length === 2 && path !== 'embed',
 *   adam: { learningRate: 1e-3 },
 * })
 * const [updates, state] = optimizer.update(params, optimizer.init(params), params)
 * console.log(updates.weight.shape, Object.keys(state)) // [4, 4] ['muon', 'adam']
 * ```
 */
export const muon = (options: MuonConfig): GradientTransformation<MuonStates> => {
  const {
    learningRate,
    weightDecay = 0,
    decays,
    matrices = (_: string, leaf: Tensor) => leaf.shape.length === 2,
    consistentRms,
    adam = {},
    ...moments
  } = optionsOf<MuonConfig>('muon', options, {
    learningRate: true,
    weightDecay: true,
    decays: true,
    matrices: true,
    consistentRms: true,
    adam: true,
    beta: true,
    nesterov: true,
    steps: true,
    coefficients: true,
    eps: true,
  })

  if (consistentRms !== undefined) demandPositive('muon', { consistentRms })
  const { nesterov = true, eps = 1e-8 } = moments
  const inner = partition({
    muon: opaque(
      chain(
        scaleByMuon(moments),
        scaleByShape(consistentRms),
        addDecayedWeights(weightDecay, decays),
        descend('muon', learningRate),
      ),
    ),
    adam: opaque(adamW({ learningRate, weightDecay: 0, nesterov, eps, ...adam })),
  })
  const labelled = (params: Tree) => {
    const taken = marksOf('muon', matrices, params)
    let at = 0
    return inner(tree.map((): 'muon' | 'adam' => (taken[at++]! ? 'muon' : 'adam'), params))
  }
  return {
    init: (params) => labelled(params).init(params),
    update: (updates, state, params, extra) => labelled(params).update(updates, state, params, extra),
  }
}
