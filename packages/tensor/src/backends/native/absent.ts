/** In place of device.ts in a browser's bundle, where there is neither a compiler nor a way to call what it makes. */
import * as E from '../../base/either.ts'
import type { openNative as Opening } from './device.ts'

export const openNative: typeof Opening = () =>
  Promise.resolve(
    E.left({ _tag: 'NoDevice', message: 'no native device: it runs in Node only. The wasm device needs nothing.' }),
  )
