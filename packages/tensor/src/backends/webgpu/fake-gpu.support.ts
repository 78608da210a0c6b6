/** A GPU device without a GPU: it counts what is made and destroyed, refuses when told to, and is done when told to. */

/** The name is what errors are told apart by. */
class GPUOutOfMemoryError {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

export interface FakeGpu {
  readonly gpu: GPUDevice
  /** Bytes of the buffers that exist. */
  readonly bytes: () => number
  /** Sets of queries that exist. */
  readonly querySets: () => number
  /** What is made later than so many sets of queries and buffers is refused in this way. */
  refuses: { after: number; readonly how: 'thrown' | 'told' } | null
  /** Buffers larger than this are refused. */
  mostBytes: number
  /** Answers so many of the questions whether what was submitted is done, the oldest first; all by default. */
  readonly finish: (questions?: number) => Promise<void>
  /** Answers all of them with an error. */
  readonly fail: (error: Error) => Promise<void>
}

export const fakeGpu = (): FakeGpu => {
  let bytes = 0
  let listener: ((event: { readonly error: object; readonly preventDefault: () => void }) => void) | null = null
  let querySets = 0
  const scopes: { readonly filter: string; error: object | null }[] = []
  /** Told to the innermost scope that asks for such errors, else to everybody. */
  const tell = (error: object): void => {
    const scope = scopes.findLast(({ filter }) => filter === 'out-of-memory')
    if (scope === undefined) listener?.({ error, preventDefault: () => undefined })
    else scope.error ??= error
  }
  /** Whether what is to be made now is refused. */
  const isRefused = (): boolean => {
    const { refuses } = fake
    if (refuses === null || refuses.after-- > 0) return false
    const error = new GPUOutOfMemoryError('the driver has no more')
    if (refuses.how === 'thrown') throw new Error(error.message)
    tell(error)
    return true
  }
  const waiting: { readonly done: () => void; readonly fail: (error: Error) => void }[] = []
  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
  const parts = {
    limits: { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 30 },
    features: new Set(['timestamp-query']),
    lost: new Promise(() => undefined),
    addEventListener: (_name: string, f: typeof listener) => {
      listener = f
    },
    createBuffer: ({ size }: { readonly size: number }) => {
      if (isRefused()) return { destroy: () => undefined }
      if (bytes + size > fake.mostBytes) {
        tell(new GPUOutOfMemoryError('the driver has no more'))
        return { destroy: () => undefined }
      }
      bytes += size
      let alive = true
      return {
        destroy: () => {
          if (alive) bytes -= size
          alive = false
        },
      }
    },
    createQuerySet: () => {
      if (isRefused()) return { destroy: () => undefined }
      querySets++
      let alive = true
      return {
        destroy: () => {
          if (alive) querySets--
          alive = false
        },
      }
    },
    createCommandEncoder: () => ({}),
    createBindGroup: () => ({}),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createShaderModule: () => ({}),
    createComputePipelineAsync: () => Promise.resolve({}),
    pushErrorScope: (filter: string) => void scopes.push({ filter, error: null }),
    popErrorScope: () => Promise.resolve(scopes.pop()?.error ?? null),
    queue: { onSubmittedWorkDone: () => new Promise<void>((done, fail) => waiting.push({ done, fail })) },
  }
  const fake: FakeGpu = {
    // The one place that takes these parts for a whole: what the code under test uses of it.
    gpu: parts as unknown as GPUDevice,
    bytes: () => bytes,
    querySets: () => querySets,
    refuses: null,
    mostBytes: Infinity,
    finish: async (questions = Infinity) => {
      waiting.splice(0, questions).forEach(({ done }) => done())
      await turn()
    },
    fail: async (error) => {
      waiting.splice(0).forEach(({ fail }) => fail(error))
      await turn()
    },
  }
  return fake
}
