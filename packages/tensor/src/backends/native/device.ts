/**
 * The native device: programs as C, compiled by the system's compiler for the processor at hand and called in this process.
 * It needs a C compiler and Node; what it compiled it keeps on disk.
 */
import * as E from '../../base/either.ts'
import type { DeviceError } from '../../graph/device.ts'
import { capabilities } from '../linear/capabilities.ts'
import { linearDevice } from '../linear/device.ts'
import { processMemory } from '../engine/process-memory.ts'
import { threadCount } from '../engine/processors.ts'
import { answersIn } from './answers.ts'
import { runSideBySide } from './commands.ts'
import { createKernels } from './kernels.ts'
import { createMemory } from './memory.ts'
import { createObjects } from './objects.ts'
import type { NativeDevice, NativeOptions } from './face.ts'
import { runtime } from './runtime.ts'
import { walker } from './threads.ts'
import { walkInC } from './walk.ts'
import { sourceOf } from './printer/kernel.ts'
import { openStore } from './store.ts'
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
  return E.right(
    linearDevice({
      kind: 'native',
      label: labelOf(system, version),
      room: `at most ${most} bytes`,
      capabilities,
      memory,
      kernels: createKernels(objects, memory.base, width, threads),
      walk: walkInC(library, memory.base, threads),
    }),
  )
}

/** Opens a native device. Left NoDevice where there is no compiler, or nothing to call compiled code with. */
export const openNative = async (options: NativeOptions): Promise<E.Either<DeviceError, NativeDevice>> => {
  let system: System
  try {
    system = await loadSystem()
  } catch (error) {
    return E.left(noDevice({ _tag: 'NoSystem', why: reason(error) }))
  }
  try {
    const opened = openOn(system, options)
    return E.isLeft(opened) ? E.left(noDevice(opened.left)) : opened
  } catch (error) {
    return E.left(noDevice({ _tag: 'NotLoaded', why: reason(error) }))
  }
}
