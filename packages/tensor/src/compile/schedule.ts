/**
 * A graph -> a program: simplify and normalize (prepare.ts); fuse, merge, order, plan memory (plan.ts), for the body of each
 * loop as for the whole; lower (assemble.ts). Pure; a backend compiles the result.
 */
import { assemble } from './assemble.ts'
import { plan } from './plan.ts'
import { tellingAll } from './told.ts'
import { prepare } from './prepare.ts'
import type { Capabilities } from './capabilities.ts'
import type { Computation } from '../graph/device.ts'
import type { Program } from '../loops/program.ts'
import type { Stage } from './stage.ts'
import { demandClosed } from '../graph/graph.ts'
import { verifyProgram, verifying } from '#verify'

const untimed: Stage = (_, run) => run()

/**
 * The program of a graph on a device of the given capabilities: what devices do when they compile, without the compiling.
 * For those who look at programs and at the time that they take to make: `stage` sees the stages simplify, normalize, fuse,
 * merge, order, memory and lower go by (those of loops' bodies too), and runs each.
 *
 * @example
 * ```ts
 * import { graph, parameter, primitives, schedule } from '@adjoint/tensor/ir'
 * const x = parameter({ shape: [8], dtype: 'f32' })
 * const { inputs, outputs } = graph([x], [primitives.exp(primitives.neg(x))])
 * const host = { orderedStores: true, longestRow: Infinity, dotRows: null, dotParts: null, lanes: 1, terms: 1024, bindings: 64, reproducible: true, slab: Infinity, skips: true, templates: new Set<string>() }
 * const { steps } = schedule(host)({ inputs, outputs, donated: [false] })
 * console.log(steps.length) // 1
 * ```
 */
export const schedule =
  (capabilities: Capabilities, stage: Stage = untimed) =>
  (asked: Computation): Program => {
    const prepared = prepare(capabilities, stage, asked.outputs)
    const handedOut = prepared.tellings.flatMap(({ values }) => values)
    const outputs = [...prepared.outputs, ...handedOut]
    demandClosed(asked.inputs, outputs)
    const planned = plan(capabilities, stage, { ...asked, outputs })
    const { buffers, steps, level } = stage('lower', () => assemble(planned))
    const program: Program = {
      inputs: asked.inputs.map(({ shape, dtype }) => ({ shape, dtype })),
      donated: asked.donated,
      buffers,
      slabs: planned.memory.slabs,
      live: planned.memory.live,
      steps,
      outputs: planned.memory.outputs.map((buffer, i) => ({
        buffer,
        aval: { shape: outputs[i]!.shape, dtype: outputs[i]!.dtype },
      })),
      told: handedOut.length === 0 ? null : { count: handedOut.length, tell: tellingAll(prepared.tellings) },
    }
    if (verifying()) verifyProgram(level, program)
    return program
  }
