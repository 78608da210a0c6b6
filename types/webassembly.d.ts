// The part of the WebAssembly JavaScript interface that is used here. TypeScript ships these declarations only within
// the DOM library, whose thousands of globals would let a browser-only name compile in a program for Node.

declare namespace WebAssembly {
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  interface MemoryDescriptor {
    /** Pages of 64 KiB. */
    readonly initial: number
    readonly maximum?: number
    readonly shared?: boolean
  }

  class Memory {
    constructor(descriptor: MemoryDescriptor)
    /** A SharedArrayBuffer where the memory is shared; another object after every `grow`. */
    readonly buffer: ArrayBuffer | SharedArrayBuffer
    /** Returns the size before, in pages; throws RangeError where the maximum, or the machine's memory, is exceeded. */
    grow(pages: number): number
  }

  type ImportValue = Memory | Global | ((...args: never[]) => unknown) | number
  type Imports = Readonly<Record<string, Readonly<Record<string, ImportValue>>>>
  type ExportValue = ((...args: number[]) => number | undefined) | Memory | Global

  interface GlobalDescriptor {
    readonly value: 'i32' | 'f32' | 'f64'
    readonly mutable?: boolean
  }

  class Global {
    constructor(descriptor: GlobalDescriptor, value?: number)
    value: number
  }

  class Module {
    constructor(bytes: Uint8Array | ArrayBuffer)
    private readonly brand: never
  }

  class Instance {
    constructor(module: Module, imports?: Imports)
    readonly exports: Readonly<Record<string, ExportValue>>
  }

  function validate(bytes: Uint8Array | ArrayBuffer): boolean
  function compile(bytes: Uint8Array | ArrayBuffer): Promise<Module>
  function instantiate(module: Module, imports?: Imports): Promise<Instance>
}
