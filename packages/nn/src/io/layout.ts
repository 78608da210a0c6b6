/**
 * The layout of a checkpoint: a valid safetensors file, so that any tool opens it. Eight bytes hold the header's length
 * (little-endian), then comes the header in JSON, padded with spaces to a multiple of 8, then the tensors' bytes, row-major
 * and little-endian, without gaps. What safetensors does not have goes into its `__metadata__`, whose values are texts: the
 * caller's JSON, and the SHA-256 of the data and of the rest of the header.
 */
import type { DType, HostArray, Shape } from '@adjoint/tensor'
import { type Either, left, right } from 'fp-ts/lib/Either.js'

/** A tensor on the host. */
export interface HostTensor {
  readonly shape: Shape
  readonly dtype: DType
  readonly data: HostArray
}

/** What a file holds: named tensors, and the caller's metadata. */
export interface Contents {
  readonly tensors: ReadonlyMap<string, HostTensor>
  readonly metadata: unknown
}

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}
type Header = Readonly<Record<string, Entry | Readonly<Record<string, string>>>>

const FORMAT = 'adjoint-checkpoint-1'
const names: Readonly<Record<DType, string>> = { f32: 'F32', i32: 'I32', u32: 'U32', bool: 'BOOL' }
const dtypeOf: Readonly<Record<string, DType | undefined>> = { F32: 'f32', I32: 'i32', U32: 'u32', BOOL: 'bool' }
const width: Readonly<Record<DType, number>> = { f32: 4, i32: 4, u32: 4, bool: 1 }
const arrays: Readonly<Record<DType, new (buffer: ArrayBuffer) => HostArray>> = {
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
  bool: Uint8Array,
}

const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  [...new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes))]
    .map((b) => b.toString(16).padStart(2, '0'))
    .join('')
const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

/** The file's bytes. Throws TypeError where the metadata is no JSON. */
export const encodeContents = async ({ tensors, metadata }: Contents): Promise<Uint8Array> => {
  // Wide elements first: every tensor then begins at a multiple of its own element.
  const ordered = [...tensors].sort(([a, x], [b, y]) => width[y.dtype] - width[x.dtype] || (a < b ? -1 : a > b ? 1 : 0))
  const size = ordered.reduce((total, [, t]) => total + t.data.byteLength, 0)
  const data = new Uint8Array(size)
  const entries: Record<string, Entry> = {}
  let at = 0
  for (const [name, { shape, dtype, data: elements }] of ordered) {
    data.set(new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength), at)
    entries[name] = { dtype: names[dtype], shape, data_offsets: [at, at + elements.byteLength] }
    at += elements.byteLength
  }
  const own = { format: FORMAT, metadata: JSON.stringify(metadata ?? null), sha256: await sha256(data) }
  const sealed = await sha256(utf8(JSON.stringify({ __metadata__: own, ...entries })))
  const text = JSON.stringify({ __metadata__: { ...own, header_sha256: sealed }, ...entries })
  const header = utf8(text + ' '.repeat((8 - (utf8(text).length % 8)) % 8))
  const file = new Uint8Array(8 + header.length + size)
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true)
  file.set(header, 8)
  file.set(data, 8 + header.length)
  return file
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isEntry = (value: unknown): value is Entry =>
  isRecord(value) &&
  typeof value['dtype'] === 'string' &&
  Array.isArray(value['shape']) &&
  value['shape'].every(isCount) &&
  Array.isArray(value['data_offsets']) &&
  value['data_offsets'].length === 2 &&
  value['data_offsets'].every(isCount)
const isTexts = (value: unknown): value is Readonly<Record<string, string>> =>
  isRecord(value) && Object.values(value).every((v) => typeof v === 'string')

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const readHeader = (file: Uint8Array): Either<string, readonly [header: Header, end: number]> => {
  if (file.length < 8) return left(`it ends after ${file.length} bytes, within the length of its header`)
  const length = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true)
  if (length > BigInt(file.length - 8))
    return left(`its header of ${length.toString()} bytes does not fit into ${file.length} bytes`)
  const end = 8 + Number(length)
  const header = parse(new TextDecoder().decode(file.subarray(8, end)))
  if (!isRecord(header)) return left('its header is no JSON object')
  for (const [name, entry] of Object.entries(header))
    if (name === '__metadata__' ? !isTexts(entry) : !isEntry(entry)) return left(`its header has a bad entry '${name}'`)
  // Each entry has just been checked.
  return right([header as Header, end])
}

// The header as it was sealed: without its own seal.
const unsealed = ({ __metadata__, ...entries }: Header): string => {
  const { header_sha256: _, ...own } = (__metadata__ ?? {}) as Readonly<Record<string, string>>
  return JSON.stringify({ __metadata__: own, ...entries })
}

/** Contents of a file's bytes, or what is wrong with them: a text that completes 'the file is corrupt: ...'. */
export const decodeContents = async (file: Uint8Array): Promise<Either<string, Contents>> => {
  const parsed = readHeader(file)
  if (parsed._tag === 'Left') return parsed
  const [header, start] = parsed.right
  const data = new Uint8Array(file.subarray(start))
  const own = (header['__metadata__'] ?? {}) as Readonly<Record<string, string>>
  if (own['format'] !== FORMAT) return left('it is no checkpoint of this library (its metadata names no known format)')
  if ((await sha256(utf8(unsealed(header)))) !== own['header_sha256'])
    return left('its header does not match its checksum')
  if ((await sha256(data)) !== own['sha256'])
    return left(`its ${data.length} bytes of data do not match their checksum`)
  const tensors = new Map<string, HostTensor>()
  for (const [name, entry] of Object.entries(header)) {
    if (!isEntry(entry)) continue
    const dtype = dtypeOf[entry.dtype]
    const [from, to] = entry.data_offsets
    const size = entry.shape.reduce((n, d) => n * d, 1)
    if (dtype === undefined) return left(`tensor '${name}' has the unknown dtype ${entry.dtype}`)
    if (to > data.length || to - from !== size * width[dtype])
      return left(`tensor '${name}' of shape [${entry.shape.join(', ')}] does not fit its bytes ${from} to ${to}`)
    tensors.set(name, { shape: entry.shape, dtype, data: new arrays[dtype](data.slice(from, to).buffer) })
  }
  return right({ tensors, metadata: parse(own['metadata'] ?? '') })
}
