// Files in memory that say what was done with them, and files of each format from their parts.
import type { Files } from './files.ts'

const absent = (path: string): Error =>
  Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' })

/** A call whose result, or what it throws, comes by a promise. */
const later =
  <A extends readonly unknown[], B>(call: (...args: A) => B) =>
  (...args: A): Promise<B> =>
    Promise.resolve().then(() => call(...args))

/** What was asked of files in memory. */
export interface Record {
  /** How many are open. */
  open: number
  /** The ranges that were asked for. */
  readonly ranges: (readonly [path: string, from: number, count: number])[]
}

/** Files in memory; folders are paths that others begin with. What is written replaces what is there. */
export const filesIn = (contents: Map<string, Uint8Array>): Files & { readonly record: Record } => {
  const record: Record = { open: 0, ranges: [] }
  const bytesOf = (path: string): Uint8Array => {
    const bytes = contents.get(path)
    if (bytes !== undefined) return bytes
    if ([...contents.keys()].some((other) => other.startsWith(`${path.replace(/\/$/, '')}/`)))
      throw Object.assign(new Error(`EISDIR: ${path}`), { code: 'EISDIR' })
    throw absent(path)
  }
  return {
    record,
    makeFolder: () => Promise.resolve(),
    read: later(bytesOf),
    open: later((path: string) => {
      const bytes = bytesOf(path)
      record.open++
      return {
        size: bytes.length,
        read: later((from: number, into: Uint8Array) => {
          record.ranges.push([path, from, into.length])
          // what is there now: a test may cut it
          const part = bytesOf(path).subarray(from, from + into.length)
          into.set(part)
          return part.length
        }),
        close: later(() => {
          record.open--
        }),
      }
    }),
    replace: async (files, obsolete = []) => {
      for (const { path, pieces } of files) {
        const all: number[] = []
        for await (const piece of pieces) all.push(...piece)
        contents.set(path, Uint8Array.from(all))
      }
      for (const path of obsolete) contents.delete(path)
    },
  }
}

/** A safetensors file of a header, which is JSON or any text, and of data. */
export const safetensorsFile = (header: unknown, data: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> => {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(data, 8 + text.length)
  return bytes
}

/** Values of GGUF's metadata by the names of their types. */
export type GgufValue =
  | { readonly type: 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64'; readonly value: number }
  | { readonly type: 'u64' | 'i64'; readonly value: number | bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'list'; readonly of: GgufValue['type']; readonly value: readonly GgufValue[] }

export const ggufTypes = [
  'u8',
  'i8',
  'u16',
  'i16',
  'u32',
  'i32',
  'f32',
  'bool',
  'text',
  'list',
  'u64',
  'i64',
  'f64',
] as const

export interface GgufParts {
  readonly version?: number
  readonly metadata?: readonly (readonly [string, GgufValue])[]
  /** Lengths as GGUF has them, the innermost axis first. */
  readonly tensors?: readonly {
    readonly name: string
    readonly type: number
    readonly lengths: readonly number[]
    readonly data: Uint8Array
  }[]
  readonly alignment?: number
}

/** A GGUF file; with the places of all counts in its header, each of 8 bytes. */
export const ggufFile = ({
  version = 3,
  metadata = [],
  tensors = [],
  alignment = 32,
}: GgufParts): { readonly bytes: Uint8Array<ArrayBuffer>; readonly counts: readonly number[] } => {
  const out: number[] = []
  const counts: number[] = []
  const put = (size: number, write: (view: DataView) => void): void => {
    const view = new DataView(new ArrayBuffer(size))
    write(view)
    out.push(...new Uint8Array(view.buffer))
  }
  const u32 = (value: number): void => put(4, (view) => view.setUint32(0, value, true))
  const u64 = (value: number | bigint): void => put(8, (view) => view.setBigUint64(0, BigInt(value), true))
  const count = (value: number): void => {
    counts.push(out.length)
    u64(value)
  }
  const text = (value: string): void => {
    const bytes = new TextEncoder().encode(value)
    count(bytes.length)
    out.push(...bytes)
  }
  const write = (given: GgufValue): void => {
    switch (given.type) {
      case 'text':
        text(given.value)
        break
      case 'list':
        u32(ggufTypes.indexOf(given.of))
        count(given.value.length)
        given.value.forEach(write)
        break
      case 'u8':
      case 'bool':
        put(1, (view) => view.setUint8(0, Number(given.value)))
        break
      case 'i8':
        put(1, (view) => view.setInt8(0, given.value))
        break
      case 'u16':
        put(2, (view) => view.setUint16(0, given.value, true))
        break
      case 'i16':
        put(2, (view) => view.setInt16(0, given.value, true))
        break
      case 'u32':
        u32(given.value)
        break
      case 'i32':
        put(4, (view) => view.setInt32(0, given.value, true))
        break
      case 'f32':
        put(4, (view) => view.setFloat32(0, given.value, true))
        break
      case 'f64':
        put(8, (view) => view.setFloat64(0, given.value, true))
        break
      case 'u64':
        u64(given.value)
        break
      case 'i64':
        put(8, (view) => view.setBigInt64(0, BigInt(given.value), true))
        break
    }
  }
  const pad = (): void => {
    while (out.length % alignment !== 0) out.push(0)
  }
  out.push(...new TextEncoder().encode('GGUF'))
  u32(version)
  count(tensors.length)
  const pairs: GgufParts['metadata'] =
    alignment === 32 ? metadata : [...metadata, ['general.alignment', { type: 'u32', value: alignment }]]
  count(pairs.length)
  for (const [key, value] of pairs) {
    text(key)
    u32(ggufTypes.indexOf(value.type))
    write(value)
  }
  let offset = 0
  for (const { name, type, lengths, data } of tensors) {
    text(name)
    u32(lengths.length)
    lengths.forEach(count)
    u32(type)
    count(offset)
    offset += Math.ceil(data.length / alignment) * alignment
  }
  pad()
  for (const { data } of tensors) {
    out.push(...data)
    pad()
  }
  return { bytes: Uint8Array.from(out), counts }
}
