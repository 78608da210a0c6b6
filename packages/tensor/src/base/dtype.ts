/**
 * Element types, in one table. A dtype says how an element is stored, and its register what it is while it is computed with:
 * f16 and bf16 are kept in two bytes and computed as f32, to which every one of them converts exactly. A `bool` is stored as
 * a `u32` that is 0 or 1 (WGSL has no storable bool), and becomes one byte an element only at the host's edge; f16 and bf16
 * reach the host as the f32 that they are.
 */
import { roundTo } from './rounding.ts'

/** The array of the host that elements of each dtype are read into. */
export interface HostArrays {
  readonly f32: Float32Array
  readonly f16: Float32Array
  readonly bf16: Float32Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly bool: Uint8Array
}
/** Element types: floats of 32 and 16 bits, signed and unsigned 32-bit integers, truth values. */
export type DType = keyof HostArrays
/** What a loaded element is: computation knows no other types. */
export type Register = Exclude<DType, 'f16' | 'bf16'>
/** What is made of elements of a dtype by computing with them. */
export type Computed<D extends DType> = D extends 'f16' | 'bf16' ? 'f32' : D
/** Elements on the host, row-major. */
export type HostArray = HostArrays[DType]

interface DTypeRow {
  /** Bytes an element takes on a device. */
  readonly bytes: number
  readonly register: Register
  /** The type of an element in WGSL; of f16 and bf16 two share a word. */
  readonly wgsl: 'f32' | 'i32' | 'u32'
  readonly float: boolean
  readonly allocate: (length: number) => HostArray
  /** The nearest representable value of a JavaScript number, as a JavaScript number. */
  readonly round: (value: number) => number
  /** Identity elements of `max` and `min`. */
  readonly lowest: number
  readonly highest: number
}

export const dtypes: Readonly<Record<DType, DTypeRow>> = {
  f32: {
    bytes: 4,
    register: 'f32',
    wgsl: 'f32',
    float: true,
    allocate: (n) => new Float32Array(n),
    round: Math.fround,
    lowest: -Infinity,
    highest: Infinity,
  },
  f16: {
    bytes: 2,
    register: 'f32',
    wgsl: 'u32',
    float: true,
    allocate: (n) => new Float32Array(n),
    round: roundTo({ precision: 11, lowestExponent: -14, highestExponent: 15 }),
    lowest: -Infinity,
    highest: Infinity,
  },
  bf16: {
    bytes: 2,
    register: 'f32',
    wgsl: 'u32',
    float: true,
    allocate: (n) => new Float32Array(n),
    round: roundTo({ precision: 8, lowestExponent: -126, highestExponent: 127 }),
    lowest: -Infinity,
    highest: Infinity,
  },
  i32: {
    bytes: 4,
    register: 'i32',
    wgsl: 'i32',
    float: false,
    allocate: (n) => new Int32Array(n),
    round: (v) => v | 0,
    lowest: -2147483648,
    highest: 2147483647,
  },
  u32: {
    bytes: 4,
    register: 'u32',
    wgsl: 'u32',
    float: false,
    allocate: (n) => new Uint32Array(n),
    round: (v) => v >>> 0,
    lowest: 0,
    highest: 4294967295,
  },
  bool: {
    bytes: 4,
    register: 'bool',
    wgsl: 'u32',
    float: false,
    allocate: (n) => new Uint8Array(n),
    round: (v) => (v ? 1 : 0),
    lowest: 0,
    highest: 1,
  },
}

export const isFloat = (dtype: DType): boolean => dtypes[dtype].float
/** What an element of a dtype is while it is computed with. */
export const registerOf = (dtype: DType): Register => dtypes[dtype].register
