/**
 * The layout of a checkpoint: a valid safetensors file, so that any tool opens it. What safetensors does not have goes into
 * its `__metadata__`, whose values are texts: the caller's JSON, and the SHA-256 of the data and of the rest of the header.
 * A file of somebody else has neither, and is read all the same.
 */
import type { DType, HostArray, Shape } from '@adjoint/tensor'
import { isHalf, packHalves } from '@adjoint/tensor/ir'
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import { stored } from './convert.ts'
import type { Flaw } from './failure.ts'
import { arrange, decodeFile, encodeHeader, type Header, headerText, misplaced } from './safetensors.ts'

/** A tensor on the host. */
export interface HostTensor {
  readonly shape: Shape
  readonly dtype: DType
  readonly data: HostArray
}

/** What is written: named tensors, and the caller's metadata. */
export interface Contents {
  readonly tensors: ReadonlyMap<string, HostTensor>
  readonly metadata: unknown
}

/** What is read: tensors as the file has them, and the caller's metadata, or somebody else's `__metadata__`. */
export interface Decoded {
  readonly tensors: ReadonlyMap<
    string,
    { readonly dtype: string; readonly shape: Shape; readonly bytes: () => Uint8Array<ArrayBuffer> }
  >
  readonly metadata: unknown
}

const FAMILY = 'adjoint-checkpoint-'
const FORMAT = `${FAMILY}1`

const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  [...new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes))]
    .map((b) => b.toString(16).padStart(2, '0'))
    .join('')

/** The caller's JSON. Throws TypeError for numbers that JSON has not, which it would change to null. */
const textOf = (metadata: unknown): string =>
  JSON.stringify(metadata ?? null, (key, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new TypeError(
        `checkpoint: the metadata has ${value} at '${key}', and JSON has no such number. Write a text or null.`,
      )
    return value
  })

// The header as it is sealed: without its own seal.
const sealOf = async ({ metadata, entries }: Header): Promise<string> => {
  const { header_sha256: _, ...rest } = metadata ?? {}
  return sha256(new TextEncoder().encode(headerText({ metadata: rest, entries })))
}

/** Elements as a file has them: f16 and bf16 in two bytes. */
const asStored = (dtype: DType, data: HostArray): HostArray | Uint16Array =>
  isHalf(dtype) ? packHalves(dtype, data, new Uint16Array(data.length)) : data

/** The file's bytes, header and data. Throws TypeError where the metadata is no JSON. */
export const encodeContents = async ({ tensors, metadata }: Contents): Promise<readonly Uint8Array[]> => {
  const { ordered, entries } = arrange(
    [...tensors].map(([name, { shape, dtype, data }]) => {
      const elements = asStored(dtype, data)
      return {
        name,
        shape,
        dtype: stored[dtype],
        elements,
        width: elements.BYTES_PER_ELEMENT,
        bytes: elements.byteLength,
      }
    }),
  )
  const data = new Uint8Array(ordered.reduce((total, { bytes }) => total + bytes, 0))
  let at = 0
  for (const { elements, bytes } of ordered) {
    data.set(new Uint8Array(elements.buffer, elements.byteOffset, bytes), at)
    at += bytes
  }
  const own = { format: FORMAT, metadata: textOf(metadata), sha256: await sha256(data) }
  const header_sha256 = await sealOf({ metadata: own, entries })
  return [encodeHeader({ metadata: { ...own, header_sha256 }, entries }), data]
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Contents of a file's bytes, or what is wrong with them. */
export const decodeContents = async (file: Uint8Array): Promise<Either<Flaw, Decoded>> => {
  const decoded = decodeFile(file)
  if (decoded._tag === 'Left') return decoded
  const { header, data } = decoded.right
  const own = header.metadata ?? {}
  // Either says whose it is, so that damage to one does not make it somebody else's file, without checksums.
  const ours = own['header_sha256'] !== undefined || (own['format'] ?? '').startsWith(FAMILY)
  if (ours) {
    if ((await sealOf(header)) !== own['header_sha256'])
      return left({ fault: 'Checksum', message: 'its header does not match its checksum' })
    if ((await sha256(data)) !== own['sha256'])
      return left({ fault: 'Checksum', message: `its ${data.length} bytes of data do not match their checksum` })
  }
  const wrong = misplaced(header, data.length)
  if (wrong !== null) return left(wrong)
  const tensors = [...header.entries].map(([name, { dtype, shape, data_offsets }]) => {
    const bytes = () => data.slice(...data_offsets)
    return [name, { dtype, shape, bytes }] as const
  })
  return right({ tensors: new Map(tensors), metadata: ours ? parse(own['metadata'] ?? '') : header.metadata })
}
