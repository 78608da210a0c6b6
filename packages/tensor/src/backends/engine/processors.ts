/** How many threads a device on the CPU is to have: what was asked for, and what there is. */
interface Host {
  readonly process?: {
    readonly env?: Readonly<Record<string, string | undefined>>
    readonly getBuiltinModule?: (name: string) => unknown
  }
  readonly navigator?: { readonly hardwareConcurrency?: number }
}
const host = globalThis as Host

/** Processors that this process may use; 1 where nothing is known. */
const processors = (): number => {
  const os = host.process?.getBuiltinModule?.('node:os') as { readonly availableParallelism: () => number } | undefined
  return os?.availableParallelism() ?? host.navigator?.hardwareConcurrency ?? 1
}

/** `given`, else what ADJOINT_THREADS says, else as many as processors, but no more than `most`. Throws on what is no count. */
export const threadCount = (given: number | undefined, most = Infinity): number => {
  if (given !== undefined && !(Number.isInteger(given) && given >= 1))
    throw new RangeError(`threads is ${given}; give the number of threads that a kernel may use, 1 or more`)
  const named = Math.floor(Number(host.process?.env?.['ADJOINT_THREADS'] ?? ''))
  return given ?? (named >= 1 ? named : Math.min(most, processors()))
}
