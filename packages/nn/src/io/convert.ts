/**
 * Elements of a file as elements of a tensor. Half precisions become f32 exactly, F64 is rounded to f32, and integers of
 * other widths become i32 or u32 where they fit; what fits nowhere is said, never cut.
 */
import type { DType, HostArray } from '@adjoint/tensor'
import { unpackHalves } from '@adjoint/tensor/ir'
import { type Either, left, right } from 'fp-ts/lib/Either.js'

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

const same: Readonly<Record<DType, (bytes: Bytes) => HostArray>> = {
  f32: (bytes) => new Float32Array(bytes.buffer),
  f16: (bytes) => unpackHalves('f16', new Uint16Array(bytes.buffer)),
  bf16: (bytes) => unpackHalves('bf16', new Uint16Array(bytes.buffer)),
  i32: (bytes) => new Int32Array(bytes.buffer),
  u32: (bytes) => new Uint32Array(bytes.buffer),
  bool: (bytes) => bytes.map((b) => (b === 0 ? 0 : 1)),
}

const toFloats: Readonly<Record<string, ((bytes: Bytes) => Float32Array) | undefined>> = {
  F16: (bytes) => unpackHalves('f16', new Uint16Array(bytes.buffer)),
  BF16: (bytes) => unpackHalves('bf16', new Uint16Array(bytes.buffer)),
  F64: (bytes) => Float32Array.from(new Float64Array(bytes.buffer)),
}

const toIntegers: Readonly<Record<string, ((bytes: Bytes) => ArrayLike<number | bigint>) | undefined>> = {
  I8: (bytes) => new Int8Array(bytes.buffer),
  U8: (bytes) => bytes,
  I16: (bytes) => new Int16Array(bytes.buffer),
  U16: (bytes) => new Uint16Array(bytes.buffer),
  I64: (bytes) => new BigInt64Array(bytes.buffer),
  U64: (bytes) => new BigUint64Array(bytes.buffer),
}

/** Whether elements of a file's dtype may become elements of `wanted`. */
export const converts = (dtype: string, wanted: DType): boolean =>
  dtype === stored[wanted] ||
  (wanted === 'f32' && toFloats[dtype] !== undefined) ||
  ((wanted === 'i32' || wanted === 'u32') && toIntegers[dtype] !== undefined)

/** Whether there is a dtype here that elements of a file's dtype may become. */
export const isKnown = (dtype: string): boolean =>
  Object.values(stored).includes(dtype) || toFloats[dtype] !== undefined || toIntegers[dtype] !== undefined

/** Elements, or the reason why they are none of `wanted`; to be asked where {@link converts} holds. */
export const convert = (dtype: string, wanted: DType, bytes: Bytes): Either<string, HostArray> => {
  if (dtype === stored[wanted]) return right(same[wanted](bytes))
  const floats = toFloats[dtype]
  if (floats !== undefined) return right(floats(bytes))
  const integers = toIntegers[dtype]!(bytes)
  const data = wanted === 'u32' ? new Uint32Array(integers.length) : new Int32Array(integers.length)
  for (let i = 0; i < integers.length; i++) {
    data[i] = Number(integers[i]!)
    if (BigInt(data[i]!) !== BigInt(integers[i]!))
      return left(`its element ${i}, ${String(integers[i])}, does not fit into ${wanted}`)
  }
  return right(data)
}
