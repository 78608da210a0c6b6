/**
 * Elements of a file as elements of a tensor. Floats are decoded as the f32 that they are (F16, BF16, quantised ones) and then rounded to
 * the nearest element of a narrower dtype, ties to even; F64 is rounded once. Integers of other widths become i32 or u32 where they
 * fit. What fits nowhere is said, never cut: a finite number does not become an infinite one.
 */
import type { DType, HostArray } from '@adjoint/tensor'
import { dtypes, type Half, isFloat, isHalf, roundHalves, unpackHalves } from '@adjoint/tensor/ir'
import type { FloatDType } from '../optim/mixed.ts'
import { blocks } from './blocks.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** dtypes that are the same in a file. */
export const stored: Readonly<Record<DType, string>> = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  i32: 'I32',
  u32: 'U32',
  bool: 'BOOL',
}

/** The bytes of an array. */
export const bytesOf = (data: HostArray | Uint16Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

const words = (bytes: Bytes): Uint16Array => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)

/** Floats that f32 has exactly. */
const floats: ReadonlyMap<string, (bytes: Bytes, into: Float32Array) => void> = new Map([
  ['F32', (bytes, into) => bytesOf(into).set(bytes)],
  ['F16', (bytes, into) => void unpackHalves('f16', words(bytes), into)],
  ['BF16', (bytes, into) => void unpackHalves('bf16', words(bytes), into)],
  ['Q8_0', blocks.Q8_0.decode],
  ['Q4_0', blocks.Q4_0.decode],
  ['Q4_1', blocks.Q4_1.decode],
])

/** Integers of all widths. */
const integers: ReadonlyMap<string, (bytes: Bytes) => ArrayLike<number | bigint>> = new Map<
  string,
  (bytes: Bytes) => ArrayLike<number | bigint>
>([
  ['I8', (bytes) => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)],
  ['U8', (bytes) => bytes],
  ['I16', (bytes) => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)],
  ['U16', words],
  ['I32', (bytes) => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)],
  ['U32', (bytes) => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)],
  ['I64', (bytes) => new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)],
  ['U64', (bytes) => new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)],
])

const isFloats = (dtype: string): boolean => floats.has(dtype) || dtype === 'F64'

/** Whether a file has elements of `wanted` as they lie in memory. */
export const isPlain = (dtype: string, wanted: DType): boolean =>
  dtype === stored[wanted] && !isHalf(wanted) && wanted !== 'bool'

/** As what dtype's bits the elements of a file may be taken where `wanted` is asked for: their own, bf16 for f32; null where they must be decoded. */
export const bitsOf = (dtype: string, wanted: FloatDType): FloatDType | null =>
  dtype === stored[wanted] ? wanted : dtype === stored.bf16 && wanted === 'f32' ? 'bf16' : null

/** Whether elements of a file's dtype may become elements of `wanted` where that is asked for by name. */
export const decodes = (dtype: string, wanted: DType): boolean =>
  wanted === 'bool' ? dtype === stored.bool : isFloat(wanted) ? isFloats(dtype) : integers.has(dtype)

/** Whether they may do so unasked: into their own dtype or a wider one, F64 into f32, and integers where they fit. */
export const converts = (dtype: string, wanted: DType): boolean =>
  decodes(dtype, wanted) && (!isHalf(wanted) || dtype === stored[wanted])

/** Whether there is a dtype here that elements of a file's dtype may become. */
export const isKnown = (dtype: string): boolean => isFloats(dtype) || integers.has(dtype) || dtype === stored.bool

/** f32 as elements of a dtype of two bytes; the first that is beyond it is said. */
export const narrow = (data: Float32Array, wanted: Half, into: Float32Array, first = 0): string | null => {
  // of an array that is rounded in place the element itself is gone
  const beyond = roundHalves(wanted, data, into)
  return beyond < 0 ? null : `its element ${first + beyond} is beyond ${wanted}`
}

/** Doubles as elements of a float dtype; the first that is beyond it is said. */
const round = (data: Float64Array, wanted: DType, into: Float32Array, first: number): string | null => {
  const nearest = dtypes[wanted].round
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!
    const rounded = nearest(value)
    if (!Number.isFinite(rounded) && Number.isFinite(value))
      return `its element ${first + i}, ${value}, is beyond ${wanted}`
    into[i] = rounded
  }
  return null
}

const fit = (
  data: ArrayLike<number | bigint>,
  wanted: DType,
  into: Int32Array | Uint32Array,
  first: number,
): string | null => {
  for (let i = 0; i < data.length; i++) {
    into[i] = Number(data[i]!)
    // A number is compared as it is; a bigint may be one that no number is.
    if (typeof data[i] === 'bigint' ? BigInt(into[i]!) !== data[i] : into[i] !== data[i])
      return `its element ${first + i}, ${String(data[i])}, does not fit into ${wanted}`
  }
  return null
}

/**
 * Writes elements of a file, whose bytes begin at a multiple of one, into an array of `wanted`; or says why they are none. To be asked where
 * {@link decodes} holds; `first` is the index of the first, for the message.
 */
export const decodeInto = (dtype: string, wanted: DType, bytes: Bytes, into: HostArray, first = 0): string | null => {
  if (into instanceof Float32Array) {
    const decode = floats.get(dtype)
    if (decode === undefined)
      return round(new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8), wanted, into, first)
    decode(bytes, into)
    return isHalf(wanted) && dtype !== stored[wanted] ? narrow(into, wanted, into, first) : null
  }
  if (into instanceof Uint8Array) {
    for (let i = 0; i < bytes.length; i++) into[i] = bytes[i] === 0 ? 0 : 1
    return null
  }
  return fit(integers.get(dtype)!(bytes), wanted, into, first)
}
