/** The memory of a native device: a reserved stretch of addresses, its heap, and copies in and out. */
import { bytesOf } from '../../base/aval.ts'
import { type DType, dtypes, type HostArray } from '../../base/dtype.ts'
import { isHalf, packHalves, unpackHalves } from '../../base/rounding.ts'
import { sizeOf } from '../../base/shape.ts'
import type { Piece } from '../../graph/device.ts'
import { type Block, createHeap } from '../linear/heap.ts'
import type { LinearMemory } from '../linear/machine.ts'
import type { Library, NativeFunction } from './library.ts'

const PAGE = 65536
const FIRST = 2 ** 22
/** Growth at the least, so that it is rare; it ends with a huge page (runtime.ts). */
const STEP = 2 ** 24
const HUGE_PAGE = 2 ** 21
/** Pieces that other threads copy at one time. */
const MOST_PLACING = 64

export interface NativeMemory extends LinearMemory {
  /** Where it begins; throws once it was given up. */
  readonly base: () => unknown
  /** Copies the elements of a piece, which fit, to their places in a block of a dtype: on another thread, unless many are under way. */
  readonly place: (block: Block, piece: Piece, dtype: DType) => Promise<void>
}

const bound = (library: Library) => {
  const f = (name: string, result: string, ...parameters: string[]): NativeFunction =>
    library.func(name, result, parameters)
  return {
    reserve: f('memory_reserve', 'void *', 'double'),
    extend: f('memory_extend', 'int', 'void *', 'double', 'double'),
    release: f('memory_release', 'void', 'void *', 'double'),
    write: f('memory_write', 'void', 'void *', 'double', 'void *', 'double'),
    read: f('memory_read', 'void', 'void *', 'double', 'void *', 'double'),
    move: f('memory_move', 'void', 'void *', 'double', 'double', 'double'),
    place: f(
      'memory_place',
      'void',
      'void *',
      'double',
      'void *',
      'int',
      'int',
      'double',
      'double',
      'double',
      'double',
    ),
    word: f('memory_word', 'uint32_t', 'void *', 'double'),
  }
}

/** `most`: bytes that it may reach. Throws where the system has no such stretch of addresses. */
export const createMemory = (library: Library, most: number): NativeMemory => {
  const call = bound(library)
  const length = Math.max(PAGE, Math.floor(most / PAGE) * PAGE)
  const reserved = call.reserve(length)
  if (reserved === null) throw new Error(`no stretch of ${length} addresses for its memory`)
  let memory: unknown = reserved
  /** Pieces that other threads are copying: memory that was given up is the system's again only after the last of them. */
  let placing = 0
  let unwanted: unknown = null
  let end = 0
  let peak = 0
  const base = (): unknown => {
    if (memory === null) throw new Error('the memory of this native device was given up')
    return memory
  }
  const release = (): void => {
    call.release(unwanted, length)
    unwanted = null
  }
  const extend = (bytes: number): boolean => {
    if (end + bytes > length || call.extend(base(), end, bytes) === 0) return false
    end += bytes
    return true
  }
  /** A quarter more than there is; just what is needed where that is too much. */
  const grow = (bytes: number): number | null => {
    const needed = Math.ceil(bytes / PAGE + 1) * PAGE
    const generous = Math.ceil(Math.max(needed, STEP, end / 4) / HUGE_PAGE) * HUGE_PAGE
    return extend(Math.min(generous, Math.max(needed, length - end))) || extend(needed) ? end : null
  }
  const first = Math.min(FIRST, length)
  if (!extend(first)) throw new Error(`no room for ${first} bytes of memory`)
  const heap = createHeap(end, grow)
  return {
    base,
    take: (bytes) => {
      const block = heap.take(bytes)
      peak = Math.max(peak, heap.live())
      return block
    },
    give: (block) => {
      if (memory !== null) heap.give(block)
    },
    write: ({ start }, data, dtype) => {
      let stored: HostArray | Uint16Array = data
      if (isHalf(dtype)) packHalves(dtype, data, (stored = new Uint16Array(data.length)))
      // a bool is a byte on the host, and a word here
      if (dtype === 'bool') stored = Uint32Array.from(data)
      if (stored.length > 0) call.write(base(), start, stored, stored.byteLength)
    },
    read: ({ start }, aval) => {
      const { shape, dtype } = aval
      const n = sizeOf(shape)
      const bytes = bytesOf(aval)
      if (n === 0) return dtypes[dtype].allocate(0)
      if (isHalf(dtype)) {
        const bits = new Uint16Array(n)
        call.read(base(), start, bits, 2 * n)
        return unpackHalves(dtype, bits)
      }
      if (dtype === 'bool') {
        const words = new Uint32Array(n)
        call.read(base(), start, words, 4 * n)
        return Uint8Array.from(words)
      }
      const host = dtypes[dtype].allocate(n)
      call.read(base(), start, host, Math.min(bytes, host.byteLength))
      return host
    },
    place: ({ start }, { bytes, dtype, rows, columns, at, rowStride, columnStride }, wanted) =>
      new Promise((resolve, reject) => {
        const [own, width] = [isHalf(dtype) ? 2 : 4, isHalf(wanted) ? 2 : 4]
        placing++
        const ended = (error: unknown): void => {
          placing--
          if (placing === 0 && unwanted !== null) release()
          if (error === null) resolve()
          else reject(error instanceof Error ? error : new Error('a piece was not copied', { cause: error }))
        }
        try {
          const where = [base(), start + at * width, bytes, own, width, rows, columns, rowStride, columnStride] as const
          // Beyond some hundred calls on other threads there is no room for one more: this one does it itself.
          if (placing <= MOST_PLACING) call.place.async(...where, ended)
          else {
            call.place(...where)
            ended(null)
          }
        } catch (error) {
          ended(error)
        }
      }),
    copy: (from, to, bytes) => void call.move(base(), to, from, bytes),
    word: (at) => Number(call.word(base(), at)),
    live: () => (memory === null ? 0 : heap.live()),
    peak: () => peak,
    fresh: heap.fresh,
    giveUp: () => {
      if (memory === null) return
      unwanted = memory
      memory = null
      if (placing === 0) release()
    },
  }
}
