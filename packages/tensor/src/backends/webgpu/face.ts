/** What a program sees of the WebGPU device, in types that need none of the browser's own: a Node program has no `GPUDevice`. */
import type { Capabilities } from '../../compile/capabilities.ts'
import type { Device, Executable } from '../../graph/device.ts'
import type { Program } from '../../loops/program.ts'
import type { Tuning } from './printer/tuning.ts'

/** Which adapter to look for. */
export interface AdapterOptions {
  /** Which adapter to prefer where there are several. */
  readonly powerPreference?: 'low-power' | 'high-performance'
  /** Options for Dawn in Node, as `enable-dawn-features=...` (a browser has none). */
  readonly dawn?: readonly string[]
}

/** What an adapter says of itself. */
export interface AdapterReport {
  readonly label: string
  /** False for an adapter that runs on the CPU (lavapipe, SwiftShader, WARP). */
  readonly hardware: boolean
}

/** How to open a WebGPU device. */
export interface WebgpuOptions extends AdapterOptions {
  /** Shapes of generated kernels; chosen by the adapter where absent. */
  readonly tuning?: Tuning
  /**
   * Most bytes that the device may hold, work under way included; more is an OutOfMemory error that says what to do. By
   * default half of the machine's memory on an adapter that runs on the CPU, and all of it on hardware, whose driver says
   * itself when it has no more.
   */
  readonly memory?: number
  /**
   * Whether products are measured, kind by kind as they come, and cut as is fastest here: off unless this, or ADJOINT_TUNE=on, says
   * otherwise. What was measured is kept on disk in Node, and in a browser for the life of the device. No result depends on it.
   */
  readonly tune?: boolean
}

/** A WebGPU device, with what only this kind can do. */
export interface WebgpuDevice extends Device {
  readonly kind: 'webgpu'
  readonly hardware: boolean
  /** @internal What the scheduler knows of it. */
  readonly capabilities: Capabilities
  /** Shapes of the kernels it generates. */
  readonly tuning: Tuning
  /** @internal Compiles a program that is already scheduled. */
  readonly load: (program: Program) => Executable
  /** @internal Products that its tuner measured so far. */
  readonly measured: () => number
}
