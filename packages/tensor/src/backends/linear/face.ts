/** What a program sees of a device in linear memory. */
import type { Capabilities } from '../../compile/capabilities.ts'
import type { Device, Executable } from '../../graph/device.ts'
import type { Program } from '../../loops/program.ts'

/** A device in linear memory, with what only such devices can do. */
export interface LinearDevice<K extends Device['kind']> extends Device {
  readonly kind: K
  /** @internal What the scheduler knows of it. */
  readonly capabilities: Capabilities
  /** @internal Compiles a program that is already scheduled. */
  readonly load: (program: Program) => Executable
  /** @internal Products that its tuner measured so far. */
  readonly measured: () => number
}
