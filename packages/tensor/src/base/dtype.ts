/**
 * Element types, in one table. Every device stores an element in four bytes: a `bool` is a `u32` that is 0 or 1
 * (WGSL has no storable bool), and becomes one byte an element only at the host's edge.
 */
export interface HostArrays {
  readonly f32: Float32Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly bool: Uint8Array
}
/** Element types: 32-bit floats, signed and unsigned 32-bit integers, truth values. */
export type DType = keyof HostArrays
/** Elements on the host, row-major. */
export type HostArray = HostArrays[DType]

interface DTypeRow {
  /** Bytes an element takes on a device. */
  readonly bytes: number
  readonly wgsl: string
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
    wgsl: 'f32',
    float: true,
    allocate: (n) => new Float32Array(n),
    round: Math.fround,
    lowest: -Infinity,
    highest: Infinity,
  },
  i32: {
    bytes: 4,
    wgsl: 'i32',
    float: false,
    allocate: (n) => new Int32Array(n),
    round: (v) => v | 0,
    lowest: -2147483648,
    highest: 2147483647,
  },
  u32: {
    bytes: 4,
    wgsl: 'u32',
    float: false,
    allocate: (n) => new Uint32Array(n),
    round: (v) => v >>> 0,
    lowest: 0,
    highest: 4294967295,
  },
  bool: {
    bytes: 4,
    wgsl: 'u32',
    float: false,
    allocate: (n) => new Uint8Array(n),
    round: (v) => (v ? 1 : 0),
    lowest: 0,
    highest: 1,
  },
}

export const isFloat = (dtype: DType): boolean => dtypes[dtype].float
