/**
 * The GGUF format, versions 2 and 3, little-endian: `GGUF`, the version, how many tensors and how many key-value pairs; the pairs; for each
 * tensor its name, its lengths with the innermost axis first, its type and its offset; then, from the next multiple of the
 * alignment on, the tensors one after another, each at a multiple of it. Source: ggml, `docs/gguf.md` and the checks of `gguf.cpp`.
 */
import { BLOCK, blocks } from './blocks.ts'
import type { Fault, Flaw } from './failure.ts'

/** A tensor as the header describes it; its lengths have the outermost axis first, and offsets count from the file's beginning. */
export interface GgufTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly from: number
  readonly bytes: number
  readonly block: { readonly elements: number; readonly bytes: number }
}

/** What a header says. */
export interface GgufHeader {
  readonly metadata: Readonly<Record<string, unknown>>
  readonly tensors: ReadonlyMap<string, GgufTensor>
}

/** What the first bytes of a file are: a header, not all of one, a version that is not read here, or none. */
export type GgufReading =
  | { readonly _tag: 'Header'; readonly header: GgufHeader }
  | { readonly _tag: 'More' }
  | { readonly _tag: 'Version'; readonly message: string }
  | { readonly _tag: 'Flaw'; readonly flaw: Flaw }

/** The first bytes of a file. */
export const GGUF_MAGIC = 'GGUF'
const MAGIC = 0x46554747

const type = (dtype: string, elements: number, bytes: number) => ({ dtype, elements, bytes }) as const
/** Types of tensors by their numbers: how many elements a block has, and in how many bytes. */
const types: ReadonlyMap<number, { readonly dtype: string; readonly elements: number; readonly bytes: number }> =
  new Map([
    [0, type('F32', 1, 4)],
    [1, type('F16', 1, 2)],
    [2, type('Q4_0', BLOCK, blocks.Q4_0.bytes)],
    [3, type('Q4_1', BLOCK, blocks.Q4_1.bytes)],
    [6, type('Q5_0', BLOCK, 22)],
    [7, type('Q5_1', BLOCK, 24)],
    [8, type('Q8_0', BLOCK, blocks.Q8_0.bytes)],
    [9, type('Q8_1', BLOCK, 36)],
    [10, type('Q2_K', 256, 84)],
    [11, type('Q3_K', 256, 110)],
    [12, type('Q4_K', 256, 144)],
    [13, type('Q5_K', 256, 176)],
    [14, type('Q6_K', 256, 210)],
    [15, type('Q8_K', 256, 292)],
    [16, type('IQ2_XXS', 256, 66)],
    [17, type('IQ2_XS', 256, 74)],
    [18, type('IQ3_XXS', 256, 98)],
    [19, type('IQ1_S', 256, 50)],
    [20, type('IQ4_NL', BLOCK, 18)],
    [21, type('IQ3_S', 256, 110)],
    [22, type('IQ2_S', 256, 82)],
    [23, type('IQ4_XS', 256, 136)],
    [24, type('I8', 1, 1)],
    [25, type('I16', 1, 2)],
    [26, type('I32', 1, 4)],
    [27, type('I64', 1, 8)],
    [28, type('F64', 1, 8)],
    [29, type('IQ1_M', 256, 56)],
    [30, type('BF16', 1, 2)],
    [34, type('TQ1_0', 256, 54)],
    [35, type('TQ2_0', 256, 66)],
    [39, type('MXFP4', BLOCK, 17)],
  ])

/** Bytes that a header may have: vocabularies of a million words need a tenth of it. */
export const LARGEST_HEADER = 2 ** 28
/** Lists within lists, and axes of a tensor. */
const DEEPEST = 8
const MOST_AXES = 4

/** Why a walk over the bytes ends before its end; carries nothing of the user's. */
class Stop extends Error {
  readonly reading: GgufReading
  constructor(reading: GgufReading) {
    super(reading._tag)
    this.reading = reading
  }
}
const stop = (fault: Fault, message: string): never => {
  throw new Stop({ _tag: 'Flaw', flaw: { fault, message } })
}

/** Reads values one after another from the first bytes of a file of `size`. */
const reader = (bytes: Uint8Array, size: number) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let at = 0
  /** The place of `count` values of at least `width` bytes, and what was read is behind it: never more of them than the file has bytes. */
  const take = (count: number, width: number): number => {
    const end = at + count * width
    if (end > size)
      stop(
        'InvalidHeaderLength',
        `its header claims ${count} values of ${width} bytes at byte ${at}, and the file has ${size}`,
      )
    if (end > LARGEST_HEADER)
      stop('HeaderTooLarge', `its header claims more than the ${LARGEST_HEADER} bytes that one may have here`)
    if (end > bytes.length) throw new Stop({ _tag: 'More' })
    const from = at
    at = end
    return from
  }
  const count = (what: string): number => {
    const value = Number(view.getBigUint64(take(1, 8), true))
    return Number.isSafeInteger(value) ? value : stop('ValidationOverflow', `its header claims ${value} ${what}`)
  }
  const big = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)
  const text = (): string => {
    const length = count('bytes of a text')
    const from = take(length, 1)
    try {
      return utf8.decode(bytes.subarray(from, from + length))
    } catch {
      return stop('InvalidHeader', `its header has a text at byte ${from} that is no UTF-8`)
    }
  }
  return {
    at: () => at,
    u8: () => view.getUint8(take(1, 1)),
    i8: () => view.getInt8(take(1, 1)),
    u16: () => view.getUint16(take(1, 2), true),
    i16: () => view.getInt16(take(1, 2), true),
    u32: () => view.getUint32(take(1, 4), true),
    i32: () => view.getInt32(take(1, 4), true),
    f32: () => view.getFloat32(take(1, 4), true),
    u64: () => big(view.getBigUint64(take(1, 8), true)),
    i64: () => big(view.getBigInt64(take(1, 8), true)),
    f64: () => view.getFloat64(take(1, 8), true),
    bool: () => view.getUint8(take(1, 1)) !== 0,
    text,
    count,
    /** That `count` values of at least `width` bytes are still to come: no list is made for a number that no file holds. */
    expect: (n: number, width: number) => {
      const from = take(n, width)
      at = from
    },
  }
}
type Reader = ReturnType<typeof reader>

interface ValueType {
  /** Bytes that a value has at least. */
  readonly width: number
  readonly read: (from: Reader, depth: number) => unknown
}
const LIST = 9
const values: ReadonlyMap<number, ValueType> = new Map<number, ValueType>([
  [0, { width: 1, read: ({ u8 }) => u8() }],
  [1, { width: 1, read: ({ i8 }) => i8() }],
  [2, { width: 2, read: ({ u16 }) => u16() }],
  [3, { width: 2, read: ({ i16 }) => i16() }],
  [4, { width: 4, read: ({ u32 }) => u32() }],
  [5, { width: 4, read: ({ i32 }) => i32() }],
  [6, { width: 4, read: ({ f32 }) => f32() }],
  [7, { width: 1, read: ({ bool }) => bool() }],
  [8, { width: 8, read: ({ text }) => text() }],
  [LIST, { width: 12, read: (from, depth) => listFrom(from, depth + 1) }],
  [10, { width: 8, read: ({ u64 }) => u64() }],
  [11, { width: 8, read: ({ i64 }) => i64() }],
  [12, { width: 8, read: ({ f64 }) => f64() }],
])

const valueType = (from: Reader): ValueType => {
  const number = from.u32()
  return (
    values.get(number) ??
    stop('InvalidHeaderDeserialization', `its header has a value of type ${number}, which is none of the format's`)
  )
}

const listFrom = (from: Reader, depth: number): readonly unknown[] => {
  if (depth > DEEPEST) stop('InvalidHeaderDeserialization', `its header has lists more than ${DEEPEST} deep`)
  const { width, read } = valueType(from)
  const length = from.count('values of a list')
  from.expect(length, width)
  const list: unknown[] = []
  for (let i = 0; i < length; i++) list.push(read(from, depth))
  return list
}

const metadataFrom = (from: Reader, count: number): Readonly<Record<string, unknown>> => {
  const pairs = new Map<string, unknown>()
  for (let i = 0; i < count; i++) {
    const key = from.text()
    if (pairs.has(key)) stop('DuplicateKey', `its header has the key '${key}' twice`)
    pairs.set(key, valueType(from).read(from, 0))
  }
  // fromEntries makes own properties of all names, '__proto__' too
  return Object.fromEntries(pairs)
}

/** A tensor's description; its offset counts from the end of the header. */
const tensorFrom = (from: Reader): readonly [name: string, tensor: GgufTensor] => {
  const name = from.text()
  const axes = from.u32()
  if (axes > MOST_AXES) stop('TensorInvalidInfo', `tensor '${name}' has ${axes} axes, and ${MOST_AXES} are the most`)
  const lengths = Array.from({ length: axes }, () => from.count(`elements of tensor '${name}'`))
  const number = from.u32()
  const offset = from.count(`bytes before tensor '${name}'`)
  const { dtype, elements, bytes } =
    types.get(number) ?? stop('TensorInvalidInfo', `tensor '${name}' has type ${number}, which is none of the format's`)
  const shape = lengths.toReversed()
  const size = lengths.reduce((n, d) => n * d, 1)
  const shown = `tensor '${name}' of shape [${shape.join(', ')}]`
  if (!Number.isSafeInteger(size * bytes)) stop('ValidationOverflow', `${shown} has more elements than numbers count`)
  if ((lengths[0] ?? 1) % elements !== 0)
    stop('MisalignedSlice', `${shown} has rows that are no whole blocks of the ${elements} elements of ${dtype}`)
  return [name, { dtype, shape, from: offset, bytes: (size / elements) * bytes, block: { elements, bytes } }]
}

const alignmentOf = (metadata: Readonly<Record<string, unknown>>): number => {
  const alignment = metadata['general.alignment'] ?? 32
  return typeof alignment === 'number' && alignment > 0 && Number.isInteger(Math.log2(alignment))
    ? alignment
    : stop(
        'InvalidHeaderDeserialization',
        `its general.alignment is ${JSON.stringify(alignment)}, and has to be a power of two`,
      )
}

const headerFrom = (from: Reader, size: number): GgufHeader => {
  if (from.u32() !== MAGIC) stop('InvalidHeaderDeserialization', `it does not begin with ${GGUF_MAGIC}`)
  const version = from.u32()
  if (version !== 2 && version !== 3) {
    const message =
      version % 65536 === 0
        ? 'GGUF with the most significant byte first'
        : `version ${version} of GGUF, and 2 and 3 are read`
    throw new Stop({ _tag: 'Version', message })
  }
  const [tensorCount, pairCount] = [from.count('tensors'), from.count('key-value pairs')]
  const metadata = metadataFrom(from, pairCount)
  const described: (readonly [string, GgufTensor])[] = []
  const names = new Set<string>()
  for (let i = 0; i < tensorCount; i++) {
    const tensor = tensorFrom(from)
    if (names.has(tensor[0])) stop('DuplicateKey', `its header has tensor '${tensor[0]}' twice`)
    names.add(tensor[0])
    described.push(tensor)
  }
  const alignment = alignmentOf(metadata)
  const aligned = (n: number): number => Math.ceil(n / alignment) * alignment
  const begin = aligned(from.at())
  let at = 0
  const tensors = new Map<string, GgufTensor>()
  for (const [name, tensor] of described) {
    if (tensor.from !== at)
      stop('InvalidOffset', `tensor '${name}' is at byte ${tensor.from} of the data, and has to begin at ${at}`)
    const end = begin + at + tensor.bytes
    if (end > size)
      stop('MetadataIncompleteBuffer', `tensor '${name}' ends at byte ${end}, and the file has ${size}: it was cut`)
    tensors.set(name, { ...tensor, from: begin + at })
    at = aligned(at + tensor.bytes)
  }
  return { metadata, tensors }
}

/** Reads the header in the first bytes of a file of `size`; where they are not all of it, it says so. */
export const readGguf = (bytes: Uint8Array, size: number): GgufReading => {
  try {
    return { _tag: 'Header', header: headerFrom(reader(bytes, size), size) }
  } catch (error) {
    if (error instanceof Stop) return error.reading
    throw error
  }
}
