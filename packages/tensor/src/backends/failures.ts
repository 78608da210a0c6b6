/** What devices in the process's own memory say when they are gone, or full. */
import { type DeviceError, DeviceFailure } from '../graph/device.ts'
import { type Blame, showBlame, siteOf } from './blame.ts'
import { sayUncollected } from './engine/turns.ts'

/** `kind`: of the device. */
export const destroyed = (kind: string): DeviceError => ({
  _tag: 'DeviceLost',
  message: `the ${kind} device is lost: it was destroyed. Its tensors are gone; request a new device and upload them again.`,
})

/** `place`: where there is no room, and why. */
export const noRoom = (bytes: number, blame: Blame, place: string): DeviceFailure =>
  new DeviceFailure({
    _tag: 'OutOfMemory',
    message: `${showBlame(blame)}: no room for ${bytes} bytes ${place}.${sayUncollected()} Use smaller batches, donate state, or drop tensors that are no longer needed.`,
    bytes,
    op: blame.op,
    site: siteOf(blame),
  })
