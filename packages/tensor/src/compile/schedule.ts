/**
 * A graph -> a program: simplify and normalize (prepare.ts); fuse, merge, order, plan memory (plan.ts), for the body of each
 * loop as for the whole; lower (assemble.ts). Pure; a backend compiles the result.
 */
import { assemble } from './assemble.ts'
import { plan } from './plan.ts'
import { prepare } from './prepare.ts'
import type { Capabilities, Computation, Program } from './program.ts'
import { verifyProgram, verifying } from './verify.ts'

export const schedule =
  (capabilities: Capabilities) =>
  (asked: Computation): Program => {
    const planned = plan(capabilities, { ...asked, outputs: prepare(capabilities, asked.outputs) })
    const { buffers, steps, level } = assemble(planned)
    const program: Program = {
      inputs: asked.inputs.map(({ shape, dtype }) => ({ shape, dtype })),
      donated: asked.donated,
      buffers,
      slabs: planned.memory.slabs,
      live: planned.memory.live,
      steps,
      outputs: planned.memory.outputs.map((buffer, i) => ({
        buffer,
        aval: { shape: asked.outputs[i]!.shape, dtype: asked.outputs[i]!.dtype },
      })),
    }
    if (verifying()) verifyProgram(level, program)
    return program
  }
