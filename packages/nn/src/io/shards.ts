/**
 * Safetensors files that are one model: `model-00001-of-00002.safetensors` and so on, and `model.safetensors.index.json`, whose
 * `weight_map` says which tensor is in which. Source: Hugging Face's Transformers, "Sharded checkpoints".
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import type { Flaw } from './failure.ts'
import { isMarkedRecord, type Marked, parseRecord, textsOf } from './header-json.ts'

/** What an index says. */
export interface Index {
  /** The file of each tensor. */
  readonly shards: ReadonlyMap<string, string>
  readonly metadata: Readonly<Record<string, unknown>>
}

const EXTENSION = '.safetensors'

/** The index of the shards that stand in for a file. */
export const indexPath = (path: string): string => `${path}.index.json`

/** The name of shard `i` of `n`, from 0 on, of those that stand in for a file. */
export const shardPath = (path: string, i: number, n: number): string => {
  const five = (x: number): string => String(x).padStart(5, '0')
  const stem = path.endsWith(EXTENSION) ? path.slice(0, -EXTENSION.length) : path
  return `${stem}-${five(i + 1)}-of-${five(n)}${EXTENSION}`
}

/** A path without its last name; with the separator that it ends in. */
export const folderOf = (path: string): string =>
  path.slice(0, Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)

/** The index's bytes. */
export const encodeIndex = (shards: ReadonlyMap<string, string>, bytes: number): Uint8Array =>
  new TextEncoder().encode(
    // fromEntries makes own properties of all names, '__proto__' too
    `${JSON.stringify({ metadata: { total_size: bytes }, weight_map: Object.fromEntries(shards) }, null, 2)}\n`,
  )

/** A value without its marks. */
const plain = (value: Marked): unknown => {
  if (typeof value === 'string') return value.startsWith('s') ? value.slice(1) : Number(value.slice(1))
  if (Array.isArray(value)) return (value as readonly Marked[]).map(plain)
  return value !== null && typeof value === 'object'
    ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name.slice(1), plain(item)]))
    : value
}

/** The index that bytes are, or what is wrong with them. */
export const decodeIndex = (bytes: Uint8Array): Either<Flaw, Index> => {
  const flaw = (message: string): Either<Flaw, never> => left({ fault: 'InvalidIndex', message })
  const given = parseRecord('it', bytes)
  if (given._tag === 'Left') return flaw(given.left.message)
  const { smetadata: metadata = {}, sweight_map } = given.right
  const shards = textsOf(sweight_map)
  if (shards === null) return flaw('its weight_map is no record of texts')
  if (!isMarkedRecord(metadata)) return flaw('its metadata is no record')
  // A file of the same folder: what was downloaded does not name others of this machine.
  const elsewhere = Object.entries(shards).find(([, file]) => !/^[^/\\:]+$/.test(file) || file === '.' || file === '..')
  if (elsewhere !== undefined)
    return flaw(`its weight_map has '${elsewhere[0]}' in '${elsewhere[1]}', which is no file beside it`)
  return right({
    shards: new Map(Object.entries(shards)),
    metadata: plain(metadata) as Readonly<Record<string, unknown>>,
  })
}
