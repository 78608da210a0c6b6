/**
 * The safetensors format: eight bytes hold the header's length (little-endian), then comes the header in JSON, which may be
 * padded with spaces, then the tensors' bytes, row-major and little-endian, without gaps. A header's `__metadata__` holds
 * texts. Source: the reference implementation, huggingface/safetensors, README "Format" and its validation of offsets.
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import type { Fault, Flaw } from './failure.ts'
import { countsOf, isMarkedRecord, type Marked, parseRecord, textOf, textsOf } from './header-json.ts'

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
/** Bytes of the header's length. */
export const PREFIX = 8
/** Bytes that a header may have. */
const LARGEST = 100_000_000

/** Bits of an element, for all dtypes of the format. */
const bits: ReadonlyMap<string, number> = new Map([
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['BOOL', 8],
  ['U8', 8],
  ['I8', 8],
  ['F8_E4M3', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2', 8],
  ['F8_E5M2FNUZ', 8],
  ['F8_E8M0', 8],
  ['U16', 16],
  ['I16', 16],
  ['F16', 16],
  ['BF16', 16],
  ['U32', 32],
  ['I32', 32],
  ['F32', 32],
  ['U64', 64],
  ['I64', 64],
  ['F64', 64],
  ['C64', 64],
])

/** Bytes of an element; a part of one where several share a byte. */
export const widthOf = (dtype: string): number => bits.get(dtype)! / 8

/** The header's JSON text. */
export const headerText = ({ metadata, entries }: Header): string =>
  // fromEntries makes own properties of all names, '__proto__' too
  JSON.stringify(
    Object.fromEntries<unknown>([...(metadata === null ? [] : [[METADATA, metadata] as const]), ...entries]),
  )

const flaw = (fault: Fault, message: string): Either<Flaw, never> => left({ fault, message })

/**
 * The first bytes of a file: the header's length and the header, padded with blanks so that the data begins at a multiple of
 * 8. Throws RangeError where it is larger than any may be.
 */
export const encodeHeader = (header: Header): Uint8Array<ArrayBuffer> => {
  const text = new TextEncoder().encode(headerText(header))
  const length = Math.ceil(text.length / 8) * 8
  if (length > LARGEST)
    throw new RangeError(
      `safetensors: the header has ${length} bytes, and ${LARGEST} are the most. Shorten the metadata.`,
    )
  const bytes = new Uint8Array(PREFIX + length).fill(BLANK)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(text, PREFIX)
  return bytes
}
const BLANK = 32

/** Bits of a tensor; null where a number does not count them. */
const sizeInBits = (dtype: string, shape: readonly number[]): number | null => {
  // all of them, so that an empty tensor has no length that numbers do not count
  const size = shape.reduce((n, d) => n * d, bits.get(dtype)!)
  return shape.every(Number.isSafeInteger) && Number.isSafeInteger(size) ? size : null
}

/** What is to be written of a tensor: its elements' dtype and how many bytes one has, its shape, and all of its bytes. */
export interface Placed {
  readonly name: string
  readonly dtype: string
  readonly width: number
  readonly shape: readonly number[]
  readonly bytes: number
}

/** Tensors in the order in which they stand in a file, and its entries: wide elements first, so that each begins at a multiple of its own. */
export const arrange = <T extends Placed>(
  tensors: readonly T[],
): { readonly ordered: readonly T[]; readonly entries: ReadonlyMap<string, Entry> } => {
  const ordered = [...tensors].sort((x, y) => y.width - x.width || (x.name < y.name ? -1 : x.name > y.name ? 1 : 0))
  const entries = new Map<string, Entry>()
  let at = 0
  for (const { name, dtype, shape, bytes } of ordered) {
    entries.set(name, { dtype, shape, data_offsets: [at, at + bytes] })
    at += bytes
  }
  return { ordered, entries }
}

/** How many bytes the header has, by the first bytes of a file of `size`. */
export const headerLength = (prefix: Uint8Array, size: number): Either<Flaw, number> => {
  if (prefix.length < PREFIX)
    return flaw('HeaderTooSmall', `it ends after ${prefix.length} bytes, within the length of its header`)
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true)
  if (length > BigInt(LARGEST))
    return flaw(
      'HeaderTooLarge',
      `its header claims ${length.toString()} bytes, more than the ${LARGEST} that one may have`,
    )
  return length > BigInt(size - PREFIX)
    ? flaw('InvalidHeaderLength', `its header of ${length.toString()} bytes does not fit into ${size} bytes`)
    : right(Number(length))
}

const entryOf = (value: Marked): Entry | null => {
  if (!isMarkedRecord(value)) return null
  const { sdtype, sshape, sdata_offsets } = value
  const [dtype, shape, offsets] = [textOf(sdtype), countsOf(sshape), countsOf(sdata_offsets)]
  if (dtype === null || !bits.has(dtype) || shape === null || offsets?.length !== 2) return null
  return { dtype, shape, data_offsets: [offsets[0]!, offsets[1]!] }
}

/** A header's bytes as what they say. */
export const decodeHeader = (bytes: Uint8Array): Either<Flaw, Header> => {
  const given = parseRecord('its header', bytes)
  if (given._tag === 'Left') return given
  const entries = new Map<string, Entry>()
  let metadata: Header['metadata'] = null
  for (const [marked, value] of Object.entries(given.right)) {
    const name = marked.slice(1)
    if (name === METADATA) {
      metadata = value === null ? null : textsOf(value)
      if (metadata === null && value !== null)
        return flaw('InvalidHeaderDeserialization', 'its __metadata__ is no record of texts')
    } else {
      const entry = entryOf(value)
      if (entry === null) return flaw('InvalidHeaderDeserialization', `its header has a bad entry '${name}'`)
      entries.set(name, entry)
    }
  }
  return right({ metadata, entries })
}

/** Header and data of a file's bytes. */
export const decodeFile = (
  file: Uint8Array,
): Either<Flaw, { readonly header: Header; readonly data: Uint8Array<ArrayBuffer> }> => {
  const length = headerLength(file.subarray(0, PREFIX), file.length)
  if (length._tag === 'Left') return length
  const end = PREFIX + length.right
  const header = decodeHeader(file.subarray(PREFIX, end))
  return header._tag === 'Left' ? header : right({ header: header.right, data: new Uint8Array(file.subarray(end)) })
}

/**
 * What is wrong with the places of the tensors, or null: each has the bytes of its shape, and together they are all of the
 * data, without gap or overlap.
 */
export const misplaced = ({ entries }: Header, bytes: number): Flaw | null => {
  const ordered = [...entries].sort(
    ([, x], [, y]) => x.data_offsets[0] - y.data_offsets[0] || x.data_offsets[1] - y.data_offsets[1],
  )
  let at = 0
  for (const [name, { dtype, shape, data_offsets }] of ordered) {
    const [from, to] = data_offsets
    if (from !== at || to < from)
      return {
        fault: 'InvalidOffset',
        message: `tensor '${name}' is at bytes ${from} to ${to}, and has to begin at ${at}`,
      }
    const size = sizeInBits(dtype, shape)
    const shown = `tensor '${name}' of shape [${shape.join(', ')}]`
    if (size === null) return { fault: 'ValidationOverflow', message: `${shown} has more elements than numbers count` }
    if (size % 8 !== 0) return { fault: 'MisalignedSlice', message: `${shown} of ${dtype} ends within a byte` }
    if (to - from !== size / 8)
      return { fault: 'TensorInvalidInfo', message: `${shown} does not fit its bytes ${from} to ${to}` }
    at = to
  }
  return at === bytes
    ? null
    : { fault: 'MetadataIncompleteBuffer', message: `its tensors have ${at} bytes, and its data ${bytes}` }
}
