/** Whether the engine has Relaxed SIMD. */
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
