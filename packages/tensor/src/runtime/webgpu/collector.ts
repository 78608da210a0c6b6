/**
 * Tensors that a program drops return their memory when the collector finds them, and the collector knows only the
 * JavaScript heap: a few bytes a tensor, whatever it holds on the device. So that it comes by in time, it is shown memory
 * it does count: after every so many new bytes on the device, buffers that are dropped at once and never touched (the
 * system gives such pages out only when they are written). A loop that dropped 4 GB of results in pieces of 4 MB kept
 * all of it without this, and at most 0.9 GB with it. Steady loops make no new buffers, and pay nothing.
 */
const EVERY = 2 ** 26
const SHOWN = 2 ** 26
const TIMES = 2

/** Call with the size of each new buffer. */
export const collectorHints = (): ((bytes: number) => void) => {
  let since = 0
  return (bytes) => {
    since += bytes
    if (since < EVERY) return
    since = 0
    try {
      for (let i = 0; i < TIMES; i++) new ArrayBuffer(SHOWN)
    } catch {
      // no address space for it: the collector has run already, to find some
    }
  }
}
