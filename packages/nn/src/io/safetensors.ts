/**
 * The safetensors format: eight bytes hold the header's length (little-endian), then comes the header in JSON, which may be
 * padded with spaces, then the tensors' bytes, row-major and little-endian, without gaps. A header's `__metadata__` holds
 * texts. Source: the reference implementation, huggingface/safetensors, README "Format" and its validation of offsets.
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js'

/** A tensor as a file describes it; offsets count from the end of the header. */
export interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/** What a header says. */
export interface Header {
  /** `__metadata__`; null where there is none. */
  readonly metadata: Readonly<Record<string, string>> | null
  readonly entries: ReadonlyMap<string, Entry>
}

const METADATA = '__metadata__'

/** Bytes of an element, for all dtypes of the format that have whole bytes. */
const widths: Readonly<Record<string, number | undefined>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
  C64: 8,
}

/** The header's JSON text. */
export const headerText = ({ metadata, entries }: Header): string =>
  // fromEntries makes own properties of all names, '__proto__' too
  JSON.stringify(
    Object.fromEntries<unknown>([...(metadata === null ? [] : [[METADATA, metadata] as const]), ...entries]),
  )

/** The file's bytes. */
export const encodeFile = (header: Header, data: Uint8Array): Uint8Array => {
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
  const text = headerText(header)
  const padded = utf8(text + ' '.repeat((8 - (utf8(text).length % 8)) % 8))
  const file = new Uint8Array(8 + padded.length + data.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(padded.length), true)
  file.set(padded, 8)
  file.set(data, 8 + padded.length)
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

/** JSON of bytes; undefined where they are none. */
const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
  } catch {
    return undefined
  }
}

/** Header and data of a file's bytes, or what is wrong with them: a text that completes 'the file is corrupt: ...'. */
export const decodeFile = (
  file: Uint8Array,
): Either<string, { readonly header: Header; readonly data: Uint8Array<ArrayBuffer> }> => {
  if (file.length < 8) return left(`it ends after ${file.length} bytes, within the length of its header`)
  const length = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true)
  if (length > BigInt(file.length - 8))
    return left(`its header of ${length.toString()} bytes does not fit into ${file.length} bytes`)
  const end = 8 + Number(length)
  const given = parse(file.subarray(8, end))
  if (!isRecord(given)) return left('its header is no JSON object')
  const entries = new Map<string, Entry>()
  let metadata: Header['metadata'] = null
  for (const [name, value] of Object.entries(given)) {
    if (name === METADATA && isTexts(value)) metadata = value
    else if (name !== METADATA && isEntry(value)) entries.set(name, value)
    else return left(`its header has a bad entry '${name}'`)
  }
  return right({ header: { metadata, entries }, data: new Uint8Array(file.subarray(end)) })
}

/**
 * What is wrong with the places of the tensors, or null: each has the bytes of its shape, and together they are all of the
 * data, without gap or overlap. Of a dtype that is none of the format's known ones the size is not checked.
 */
export const misplaced = ({ entries }: Header, bytes: number): string | null => {
  const ordered = [...entries].sort(
    ([, x], [, y]) => x.data_offsets[0] - y.data_offsets[0] || x.data_offsets[1] - y.data_offsets[1],
  )
  let at = 0
  for (const [name, { dtype, shape, data_offsets }] of ordered) {
    const [from, to] = data_offsets
    const width = widths[dtype]
    const size = shape.reduce((n, d) => n * d, 1)
    if (from !== at || to < from) return `tensor '${name}' is at bytes ${from} to ${to}, and has to begin at ${at}`
    if (width !== undefined && (!Number.isSafeInteger(size * width) || to - from !== size * width))
      return `tensor '${name}' of shape [${shape.join(', ')}] does not fit its bytes ${from} to ${to}`
    at = to
  }
  return at === bytes ? null : `its tensors have ${at} bytes, and its data ${bytes}`
}
