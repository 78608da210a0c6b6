/** What products are measured on, and whether two results are the same. */
import { type DType, dtypes, type HostArray } from '../../base/dtype.ts'

/** Numbers between -1 and 1, the same each time; no zeros, no tiny ones. */
export const numbers = (count: number, dtype: DType): HostArray => {
  const data = dtypes[dtype].allocate(count)
  for (let i = 0, x = 1; i < count; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0
    data[i] = dtypes[dtype].round((x < 0 ? -1 : 1) * (0.125 + ((x >>> 16) & 0x7fff) / 40_000))
  }
  return data
}

export const bytesIn = (x: HostArray): Uint8Array => new Uint8Array(x.buffer, x.byteOffset, x.byteLength)
export const sameBytes = (x: Uint8Array, y: Uint8Array): boolean =>
  x.length === y.length && x.every((byte, i) => byte === y[i])
