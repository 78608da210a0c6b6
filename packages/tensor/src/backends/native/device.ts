/**
 * The native device: programs as C, compiled by the system's compiler for the processor at hand and called in this process.
 * It needs a C compiler and Node; what it compiled it keeps on disk.
 */
import * as E from '../../base/either.ts'
import type { DeviceError } from '../../graph/device.ts'
import { capabilities } from '../linear/capabilities.ts'
import { linearDevice } from '../linear/device.ts'
import { type Tuner, untuned } from '../tuner/candidate.ts'
import { linearTuner } from '../tuner/linear.ts'
import { winnersIn } from '../tuner/winners.ts'
import { processMemory } from '../engine/process-memory.ts'
import { threadCount } from '../engine/processors.ts'
import { tuneSetting } from '../engine/switch.ts'
import { answersIn } from './answers.ts'
import { assembler } from './assembler.ts'
import { runSideBySide } from './commands.ts'
import { compilePrinted, createKernels } from './kernels.ts'
import { createMemory } from './memory.ts'
import { createObjects } from './objects.ts'
import type { NativeDevice, NativeOptions } from './face.ts'
import { runtime } from './runtime.ts'
import { walker } from './threads.ts'
import { walkInC } from './walk.ts'
import { type DotChoice, dotChoices, type Printed, printKernel, sourceOf } from './printer/kernel.ts'
import { openStore } from '../engine/store.ts'
import { fileText } from './source.ts'
import { loadSystem, type System } from './system.ts'
import { ASKED, explainFailure, findToolchain, runInTurn, type ToolchainFailure } from './toolchain.ts'

/** Why there is no native device. */
type NativeAbsence =
  /** No Node, or no koffi, to call compiled code with. */
  | { readonly _tag: 'NoSystem'; readonly why: string }
  | ToolchainFailure
  /** What was compiled could not be loaded, or given memory. */
  | { readonly _tag: 'NotLoaded'; readonly why: string }

const explainAbsence = (absence: NativeAbsence): string =>
  absence._tag === 'NoSystem' || absence._tag === 'NotLoaded' ? absence.why : explainFailure(absence)

const noDevice = (absence: NativeAbsence): DeviceError => ({
  _tag: 'NoDevice',
  message: `no native device: ${explainAbsence(absence)}. The wasm device needs nothing.`,
})

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const labelOf = (system: System, version: string): string =>
  `${system.os.cpus()[0]?.model ?? system.os.arch()}, ${version}`

const openOn = (
  system: System,
  tune: boolean,
  { memory: most = Math.min(2 ** 46, processMemory()), threads: given }: NativeOptions,
): E.Either<NativeAbsence, NativeDevice> => {
  const threads = threadCount(given)
  const store = openStore(system)
  const toolchain = findToolchain(system, answersIn(system, store, ASKED))
  if (E.isLeft(toolchain)) return toolchain
  const { width, version } = toolchain.right
  // With what all kernels are made of, so that a compiler that does not take it is found out now.
  const vectors = sourceOf(width, [])
  const shared = [runtime, walker, ...vectors.shared]
  const common = createObjects(system, toolchain.right, store, runInTurn(system)).of([{ ...vectors, shared }])
  if (E.isLeft(common)) return common
  const { library } = common.right[0]!
  const objects = createObjects(system, toolchain.right, store, runSideBySide(system, library))
  const memory = createMemory(library, most)
  const compile = compilePrinted(objects, memory.base, width, threads)
  const walk = walkInC(library, memory.base, threads)
  const tuner: Tuner<DotChoice> = tune
    ? linearTuner({
        candidates: (kernel) => dotChoices(kernel, width),
        print: (kernel, choice): readonly Printed[] => printKernel(kernel, width, () => choice),
        codeOf: (printed) => fileText([{ name: 'f', source: sourceOf(width, printed) }]),
        compile: (sources) => {
          const compiled = compile(sources)
          // a compiler that fails says so of the product that was asked for, which is compiled next
          return E.isLeft(compiled) ? null : compiled.right.map(({ functions }) => functions)
        },
        memory,
        walk,
        winners: winnersIn(system, store, JSON.stringify([labelOf(system, toolchain.right.identity), threads])),
      })
    : untuned
  return E.right(
    linearDevice({
      kind: 'native',
      label: labelOf(system, version),
      room: `at most ${most} bytes`,
      capabilities,
      memory,
      kernels: createKernels(compile, width, tuner.choose),
      walk,
      assembler: assembler(memory),
      measured: tuner.measured,
    }),
  )
}

/** Opens a native device. Left NoDevice where there is no compiler, or nothing to call compiled code with. */
export const openNative = async (options: NativeOptions): Promise<E.Either<DeviceError, NativeDevice>> => {
  const tune = tuneSetting(options.tune)
  if (E.isLeft(tune)) return E.left({ _tag: 'NoDevice', message: `no native device: ${tune.left}` })
  let system: System
  try {
    system = await loadSystem()
  } catch (error) {
    return E.left(noDevice({ _tag: 'NoSystem', why: reason(error) }))
  }
  try {
    const opened = openOn(system, tune.right, options)
    return E.isLeft(opened) ? E.left(noDevice(opened.left)) : opened
  } catch (error) {
    return E.left(noDevice({ _tag: 'NotLoaded', why: reason(error) }))
  }
}
