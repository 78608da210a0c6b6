/**
 * The memory of a wasm device: one WebAssembly.Memory, its heap, and views that follow it as it grows. What is read is copied into an
 * ArrayBuffer: much of what takes an array refuses one whose memory is shared.
 */
import type { DType } from '../../base/dtype.ts'
import { dtypes } from '../../base/dtype.ts'
import { isHalf, packHalves, unpackHalves } from '../../base/rounding.ts'
import { sizeOf } from '../../base/shape.ts'
import { createHeap } from '../linear/heap.ts'
import type { LinearMemory } from '../linear/machine.ts'
import { emitter } from './printer/emitter.ts'
import { encodeModule } from './printer/encode.ts'
import { code } from './printer/instructions.ts'

/** A function (from, to, bytes): where memory is shared, a view of it would take twice as long. */
const copying = (memory: WebAssembly.Memory, shared: boolean): ((...args: number[]) => unknown) => {
  const e = emitter(3)
  e.effect(code.memoryCopy, [e.param(1), e.param(0), e.param(2)])
  const module = new WebAssembly.Module(encodeModule([e.finish()], { shared }))
  return new WebAssembly.Instance(module, { env: { memory } }).exports['0'] as (...args: number[]) => unknown
}

const PAGE = 65536
const FIRST_PAGES = 64
const MOST_PAGES = 65536

export interface WasmMemory extends LinearMemory {
  /** Throws once it was given up. */
  readonly memory: () => WebAssembly.Memory
}

const viewOf = (
  dtype: DType,
  buffer: ArrayBufferLike,
  start: number,
  n: number,
): Float32Array | Int32Array | Uint32Array =>
  dtype === 'f32'
    ? new Float32Array(buffer, start, n)
    : dtype === 'i32'
      ? new Int32Array(buffer, start, n)
      : new Uint32Array(buffer, start, n)

export interface MemoryOptions {
  /** Most pages that it may have. */
  readonly mostPages?: number
  /** Whether other threads are to work on it. */
  readonly shared?: boolean
}

/** Throws RangeError where the machine has no such memory, which is rarer where it is not shared. */
export const createMemory = ({ mostPages = MOST_PAGES, shared = false }: MemoryOptions = {}): WasmMemory => {
  let pages: WebAssembly.Memory | null = new WebAssembly.Memory({
    initial: Math.min(FIRST_PAGES, mostPages),
    maximum: MOST_PAGES,
    shared,
  })
  let peak = 0
  let copy: ReturnType<typeof copying> | null = null
  /** A view of all of it, made anew when it has grown. */
  let wordsNow = new Uint32Array(pages.buffer)
  const memory = (): WebAssembly.Memory => {
    if (pages === null) throw new Error('the memory of this wasm device was given up')
    return pages
  }
  const grow = (bytes: number): number | null => {
    const now = memory().buffer.byteLength / PAGE
    const needed = Math.ceil(bytes / PAGE) + 1
    if (now + needed > mostPages) return null
    // A quarter more than there is, so that growing is rare; just what is needed where that is too much.
    const generous = Math.min(mostPages - now, Math.max(needed, Math.ceil(now / 4)))
    for (const more of new Set([generous, needed])) {
      try {
        memory().grow(more)
        return memory().buffer.byteLength
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
      }
    }
    return null
  }
  const heap = createHeap(memory().buffer.byteLength, grow)
  return {
    memory,
    take: (bytes) => {
      const block = heap.take(bytes)
      peak = Math.max(peak, heap.live())
      return block
    },
    give: (block) => {
      if (pages !== null) heap.give(block)
    },
    write: ({ start }, data, dtype) => {
      const { buffer } = memory()
      const n = data.length
      if (isHalf(dtype)) packHalves(dtype, data, new Uint16Array(buffer, start, n))
      else if (data instanceof Float32Array) new Float32Array(buffer, start, n).set(data)
      else if (data instanceof Int32Array) new Int32Array(buffer, start, n).set(data)
      else new Uint32Array(buffer, start, n).set(data)
    },
    read: ({ start }, { shape, dtype }) => {
      const n = sizeOf(shape)
      if (isHalf(dtype)) return unpackHalves(dtype, new Uint16Array(memory().buffer, start, n))
      const host = dtypes[dtype].allocate(n)
      host.set(viewOf(dtype, memory().buffer, start, n))
      return host
    },
    copy: (from, to, bytes) => {
      copy ??= copying(memory(), shared)
      copy(from, to, bytes)
    },
    word: (at) => {
      const { buffer } = memory()
      if (wordsNow.buffer !== buffer) wordsNow = new Uint32Array(buffer)
      return wordsNow[at >>> 2]!
    },
    live: () => (pages === null ? 0 : heap.live()),
    peak: () => peak,
    fresh: heap.fresh,
    giveUp: () => {
      pages = null
      copy = null
      wordsNow = new Uint32Array()
    },
  }
}
