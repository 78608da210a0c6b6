/** Relaxed SIMD: whether it is asked for, and whether the engine has it. */
import * as E from '../../base/either.ts'
import { switched } from '../engine/switch.ts'
import { emitter } from './printer/emitter.ts'
import { encodeModule } from './printer/encode.ts'
import { code } from './printer/instructions.ts'

/** Whether the engine takes a module with a product and a sum in one instruction. */
export const hasRelaxedSimd = (): boolean => {
  const e = emitter(0)
  const zero = e.vector('f32', [0, 0, 0, 0])
  e.pure(code.f32x4RelaxedMadd, [zero, zero, zero], 'f32', true)
  return WebAssembly.validate(encodeModule([e.finish()], { shared: false }))
}

/** `given`, else what ADJOINT_RELAXED says, else not. Left where neither makes sense, or where the engine does not have it. */
export const relaxedSetting = (given: boolean | undefined): E.Either<string, boolean> => {
  const asked = switched('relaxed', 'ADJOINT_RELAXED', given)
  return E.isLeft(asked) || !asked.right || hasRelaxedSimd()
    ? asked
    : E.left('relaxed: this engine has no Relaxed SIMD; Node has it from 22 on')
}
