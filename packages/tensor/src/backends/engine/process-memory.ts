/** What the process may take and has taken, where the engine tells: in Node; a browser does not. */
interface Process {
  readonly constrainedMemory?: () => number
  readonly memoryUsage?: () => { readonly arrayBuffers: number }
  readonly getBuiltinModule?: (name: string) => unknown
}
const { process } = globalThis as { readonly process?: Process }

/** Bytes of memory that the process may take: the machine's, or the container's; without limit where nothing is known. */
export const processMemory = (): number => {
  const os = process?.getBuiltinModule?.('node:os') as { readonly totalmem: () => number } | undefined
  const limits = [os?.totalmem(), process?.constrainedMemory?.()]
  // Where there is no limit, some systems answer 0.
  return Math.min(Infinity, ...limits.filter((n) => n !== undefined && n > 0).map(Number))
}

/** Bytes in the engine's ArrayBuffers now, garbage that it has not yet found included; without limit where nothing is known. */
export const arrayBytes = (): number => process?.memoryUsage?.().arrayBuffers ?? Infinity
