/**
 * The tuner of a wasm device, in Node. Products are measured on this thread alone: others start and end as work comes, even in the midst of
 * a race, and what is kept on disk must not depend on when that was. `#wasm-tuner` names this file there;  a browser's bundle gets untuned.ts in its place.
 */
import { walkInTurn } from '../linear/walk.ts'
import type { Tuner } from '../tuner/candidate.ts'
import { keptWinners } from '#winners'
import { linearTuner } from '../tuner/linear.ts'
import { compileModule, type Sharing } from './kernels.ts'
import type { WasmMemory } from './memory.ts'
import { encodeModule } from './printer/encode.ts'
import { type DotChoice, dotChoices, printKernel } from './printer/kernel.ts'

export const tunerOver = (memory: WasmMemory, sharing: Sharing | null, fused: boolean): Tuner<DotChoice> =>
  linearTuner({
    candidates: dotChoices,
    print: (kernel, choice) => printKernel(kernel, { choose: () => choice, fused }),
    codeOf: (printed) =>
      encodeModule(
        printed.map(({ run }) => run),
        { shared: sharing !== null },
      ).join(),
    compile: (printed) => {
      const { functions } = compileModule(
        memory.memory(),
        sharing === null ? null : { ...sharing, most: 1 },
        printed.flat(),
      )
      return functions.map((f) => [f]) // a product is one function
    },
    memory,
    walk: walkInTurn(memory),
    winners: keptWinners('WebAssembly'),
  })
