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
  /** Buffers larger than this are refused. */
  mostBytes: number
  /** Says that all work submitted is done. */
  readonly finish: () => Promise<void>
}

export const fakeGpu = (): FakeGpu => {
  let bytes = 0
  let listener: ((event: { readonly error: object; readonly preventDefault: () => void }) => void) | null = null
  let waiting: (() => void)[] = []
  const parts = {
    limits: { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 30 },
    lost: new Promise(() => undefined),
    addEventListener: (_name: string, f: typeof listener) => {
      listener = f
    },
    createBuffer: ({ size }: { readonly size: number }) => {
      if (bytes + size > fake.mostBytes) {
        listener?.({ error: new GPUOutOfMemoryError('the driver has no more'), preventDefault: () => undefined })
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
    createBindGroup: () => ({}),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createShaderModule: () => ({}),
    createComputePipelineAsync: () => Promise.resolve({}),
    pushErrorScope: () => undefined,
    popErrorScope: () => Promise.resolve(null),
    queue: { onSubmittedWorkDone: () => new Promise<void>((resolve) => waiting.push(resolve)) },
  }
  const fake: FakeGpu = {
    // The one place that takes these parts for a whole: what the code under test uses of it.
    gpu: parts as unknown as GPUDevice,
    bytes: () => bytes,
    mostBytes: Infinity,
    finish: async () => {
      waiting.forEach((done) => done())
      waiting = []
      await new Promise<void>((resolve) => void setImmediate(resolve))
    },
  }
  return fake
}
