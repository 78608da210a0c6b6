/**
 * The wasm device: programs as WebAssembly SIMD in this process, over one memory. It needs nothing, is made at once, and
 * runs each call to its end before it returns. Where the engine has threads that can share memory, they share the work of large kernels.
 */
import { tunerOver } from '#wasm-tuner'
import * as E from '../../base/either.ts'
import { optionsOf } from '../../graph/options.ts'
import { threadCount } from '../engine/processors.ts'
import { switched } from '../engine/switch.ts'
import { capabilities } from '../linear/capabilities.ts'
import { linearDevice } from '../linear/device.ts'
import type { LinearDevice } from '../linear/face.ts'
import { untuned } from '../tuner/candidate.ts'
import { createKernels, type Sharing } from './kernels.ts'
import { createMemory, type WasmMemory } from './memory.ts'
import { hasRelaxedSimd } from './relaxed.ts'
import { sharedThreads } from './threads.ts'

/** How a wasm device is opened. */
export interface WasmOptions {
  /** Most pages of 64 KiB that the device's memory may have; 65,536 (4 GiB) unless said otherwise. */
  readonly maximumPages?: number
  /**
   * Threads that share the work of a kernel: as many as processors, 8 at most, unless this, or ADJOINT_THREADS, says otherwise. No result depends
   * on it. They start once a program has had work enough to repay them, end when idle, and keep no process alive. One where
   * memory cannot be shared: on a page that is not cross-origin isolated.
   */
  readonly threads?: number
  /**
   * Whether products are measured, kind by kind as they come, and cut as is fastest here: off unless this, or ADJOINT_TUNE=on, says
   * otherwise. What was measured is kept on disk. No result depends on it. In Node only: a RangeError in a browser.
   */
  readonly tune?: boolean
  /**
   * Whether products multiply and add at once, by WebAssembly's Relaxed SIMD (Node 22 or newer, Chromium): a tenth to a quarter faster. Off unless
   * this, or ADJOINT_RELAXED=on, says otherwise: their last bits are then the processor's, and not those of every machine.
   */
  readonly relaxed?: boolean
}

/** A device of generated WebAssembly. */
export type WasmDevice = LinearDevice<'wasm'>

/** More seldom pay: a worker is a heap of its own, and memory is shared by all. */
const MOST_THREADS = 8

const openMemory = (maximumPages: number | undefined, most: number): readonly [WasmMemory, Sharing | null] => {
  const mostPages = maximumPages === undefined ? {} : { mostPages: maximumPages }
  const threads = most > 1 ? sharedThreads() : null
  if (threads !== null)
    try {
      return [createMemory({ ...mostPages, shared: true }), { threads, most }]
    } catch (error) {
      // Shared memory cannot move, so that an engine may have to reserve all of it.
      if (!(error instanceof RangeError)) throw error
    }
  return [createMemory(mostPages), null]
}

const setting = (option: string, variable: string, given: boolean | undefined): boolean => {
  const said = switched(option, variable, given)
  if (E.isLeft(said)) throw new RangeError(`wasmDevice: ${said.left}`)
  return said.right
}

/**
 * Opens a device on WebAssembly SIMD. Throws RangeError where `threads` is no count, where ADJOINT_TUNE or ADJOINT_RELAXED is neither on nor
 * off, or where `relaxed` asks for what the engine does not have.
 *
 * @example
 * ```ts
 * import { wasmDevice } from '@adjoint/tensor'
 * console.log(wasmDevice().kind) // wasm
 * console.log(wasmDevice({ threads: 1 }).label) // WebAssembly SIMD
 * ```
 */
export const wasmDevice = (options: WasmOptions = {}): WasmDevice => {
  const { maximumPages, threads, tune, relaxed } = optionsOf('wasmDevice', options, {
    maximumPages: true,
    threads: true,
    tune: true,
    relaxed: true,
  })
  const tuned = setting('tune', 'ADJOINT_TUNE', tune)
  const fused = setting('relaxed', 'ADJOINT_RELAXED', relaxed)
  if (fused && !hasRelaxedSimd())
    throw new RangeError('wasmDevice: relaxed: this engine has none; Node has it from 22 on')
  const [memory, sharing] = openMemory(maximumPages, threadCount(threads, MOST_THREADS))
  const tuner = tuned ? tunerOver(memory, sharing, fused) : untuned
  return linearDevice({
    kind: 'wasm',
    label: fused ? 'WebAssembly Relaxed SIMD' : 'WebAssembly SIMD',
    room: 'at most 4 GiB',
    capabilities,
    memory,
    kernels: createKernels(memory.memory, sharing, undefined, { choose: tuner.choose, fused }),
    measured: tuner.measured,
  })
}
