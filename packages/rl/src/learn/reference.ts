/** How the reference policy follows the policy, where it does. */
import { add, cast, type Device, mul, type Tensor, tree, type Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { snapshot } from '../run/snapshot.ts'
import type { RunError } from '../run/errors.ts'
import type { GrpoState } from './grpo.ts'
import { orThrow } from '../or-throw.ts'

/**
 * `alpha policy + (1 - alpha) reference`, leaf by leaf, in the dtypes of the reference: the reference after a sync (TR-DPO, Gorbatovski et al. 2024, eq. 4;
 * TRL's `ref_model_mixup_alpha`). At alpha 1 it is the policy, at 0 it stays. Throws TreeError where the structures differ,
 * RangeError where alpha is not in [0, 1].
 *
 * @example
 * ```ts
 * import { mixReference } from '@adjoint/rl'
 * import { ones, zeros } from '@adjoint/tensor'
 * mixReference(0.6)({ weight: ones([2]) }, { weight: zeros([2]) }) // { weight: [0.6, 0.6] }
 * ```
 */
export const mixReference = (alpha: number) => {
  if (!(alpha >= 0 && alpha <= 1))
    throw new RangeError(`mixReference: alpha is ${alpha}. It is the policy's share, from 0 to 1.`)
  return <T extends Tree>(policy: T, reference: T): T => {
    if (alpha === 1) return policy
    if (alpha === 0) return reference
    // computed as f32, kept as the reference is
    const mixed = (p: Tensor, r: Tensor): Tensor => cast(r.dtype)(add(mul(p, alpha), mul(r, 1 - alpha)))
    return tree.map(mixed, policy, reference)
  }
}

/** A sync every so many steps (Infinity: the reference is fixed), with the policy's share {@link mixReference} gives it. */
export interface ReferenceSync {
  readonly every: number
  readonly alpha: number
}

/**
 * The state as step `step` (from 0) shall find it: at every multiple of `every` but 0, the reference takes over a share of
 * the policy (TRL's `sync_ref_model`). Step 0 copies the reference, so that a phase may begin with the policy itself in its
 * place: a step reuses the memory of the policy, and the reference needs its own. A state without a reference stays as it
 * is. Left: DeviceFailed.
 *
 * @example
 * ```ts
 * import { syncReference } from '@adjoint/rl'
 * import { requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const sync = syncReference({ every: 64, alpha: 0.6 }, device.right)
 * }
 * ```
 */
export const syncReference = (options: ReferenceSync, device: Device) => {
  const { every, alpha } = optionsOf('syncReference', options, { every: true, alpha: true })

  const mix = mixReference(alpha)
  return <P extends Tree, O extends Tree>(
    state: GrpoState<P, O>,
    step: number,
  ): TE.TaskEither<RunError, GrpoState<P, O>> => {
    const { params, reference } = state
    if (reference === null || step % every !== 0) return TE.right(state)
    return pipe(
      snapshot(device)(step === 0 ? reference : mix(params, reference)),
      TE.map((copy) => ({ ...state, reference: copy })),
    )
  }
}

/**
 * {@link syncReference} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { syncReferenceAsync } from '@adjoint/rl'
 * import { ones, requestDeviceAsync, zeros } from '@adjoint/tensor'
 * const sync = syncReferenceAsync({ every: 64, alpha: 0.6 }, await requestDeviceAsync({ kind: 'wasm' }))
 * const state = { params: { weight: ones([2]) }, opt: null, reference: { weight: zeros([2]) } }
 * console.log((await sync(state, 64)).reference) // weight: 0.6, 0.6
 * ```
 */
export const syncReferenceAsync = (options: ReferenceSync, device: Device) => {
  const sync = syncReference(options, device)
  return <P extends Tree, O extends Tree>(state: GrpoState<P, O>, step: number): Promise<GrpoState<P, O>> =>
    orThrow(sync(state, step))
}
