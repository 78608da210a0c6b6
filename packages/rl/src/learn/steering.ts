/** The controls of a loop (see `objective/control.ts`) where they meet its state, its log and the device. */
import { type Device, jit, readAsync, type Scalar, scalar } from '@adjoint/tensor'
import { type Coefficients, controller, type Controls } from '../objective/control.ts'
import type { Metrics } from '../run/metrics.ts'

/** @internal Coefficients as numbers, null where nothing follows. */
export interface Read {
  readonly beta: number | null
  readonly entropyBonus: number | null
}

/** @internal What a loop does with its controls. */
export interface Steering {
  readonly read: (coefficients: Coefficients) => Promise<Read>
  /** For the log: `objective/kl_coef` and `objective/entropy_coef`, where they follow. */
  readonly metrics: (read: Read) => Metrics
  /** Those of the next step, from what this one measured: means over its tokens. */
  readonly next: (
    coefficients: Coefficients,
    measured: { readonly kl: number | undefined; readonly entropy: number | undefined },
  ) => Coefficients
}

/** @internal The coefficients of a state, nulls where it has none. Throws where one is missing that is to follow its target. */
export const requireCoefficients = (
  op: string,
  controls: Controls | undefined,
  held: Coefficients | null | undefined,
): Coefficients => {
  const { beta, entropyBonus } = held ?? { beta: null, entropyBonus: null }
  const missing = [
    ...(controls?.kl !== undefined && beta === null ? ['beta'] : []),
    ...(controls?.entropy !== undefined && entropyBonus === null ? ['entropyBonus'] : []),
  ]
  if (missing.length > 0)
    throw new Error(
      `${op}: the state has no ${missing.join(' and no ')}, which is to follow what is measured. Begin with controller(control).init as its control.`,
    )
  return { beta, entropyBonus }
}

/** @internal */
export const steering = (controls: Controls | undefined, device: Device): Steering => {
  const follow = jit(controller(controls ?? {}).update, { device })
  const readOne = async (x: Scalar | null): Promise<number | null> =>
    x === null ? null : (await readAsync(x, device))[0]!
  return {
    read: async ({ beta, entropyBonus }) => {
      const [ofKl, ofEntropy] = await Promise.all([readOne(beta), readOne(entropyBonus)])
      return { beta: ofKl, entropyBonus: ofEntropy }
    },
    metrics: ({ beta, entropyBonus }) => ({
      ...(beta === null ? {} : { 'objective/kl_coef': beta }),
      ...(entropyBonus === null ? {} : { 'objective/entropy_coef': entropyBonus }),
    }),
    next: (coefficients, { kl = 0, entropy = 0 }) =>
      coefficients.beta === null && coefficients.entropyBonus === null
        ? coefficients
        : follow(coefficients, { kl: scalar(kl), entropy: scalar(entropy) }),
  }
}
