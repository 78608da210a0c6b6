/** From a path to the tensors of a file or folder: their headers are read, and no element of them. */
import { CheckpointFailure, codeOf, type Flaw, rethrow } from './failure.ts'
import type { Files, OpenFile } from './files.ts'
import { LARGEST_HEADER, readGguf } from './gguf.ts'
import { isGguf } from './kind.ts'
import { decodeHeader, headerLength, misplaced, PREFIX, widthOf } from './safetensors.ts'
import { decodeIndex, folderOf, indexPath } from './shards.ts'
import { corrupt, type Source, sourceOf, storedTensor } from './stored.ts'
import type { StoredTensor, Weights } from './weights.ts'

type Contents = Pick<Weights, 'format' | 'tensors' | 'metadata'>

/** Opens files, and remembers what to close. */
export interface Opening {
  readonly open: (path: string) => Promise<Source>
}

/** Files that are open together: each that `open` gives is closed by `close`, which says what failed first. */
export const opening = (files: Files): Opening & { readonly close: () => Promise<CheckpointFailure | null> } => {
  const opened: (readonly [path: string, file: OpenFile])[] = []
  let isOpen = true
  return {
    open: async (path) => {
      const file = await files.open(path)
      opened.push([path, file])
      return sourceOf(path, file, () => isOpen)
    },
    close: async () => {
      isOpen = false
      let first: CheckpointFailure | null = null
      for (const [path, file] of opened)
        await file
          .close()
          .catch(rethrow(path, 'close'))
          .catch((error: unknown) => {
            if (!(error instanceof CheckpointFailure)) throw error
            first ??= error
          })
      return first
    },
  }
}

const range = async (source: Source, from: number, count: number): Promise<Uint8Array<ArrayBuffer>> => {
  const bytes = new Uint8Array(count)
  await source.read(from, bytes)
  return bytes
}

const failWith = (path: string, { fault, message }: Flaw): never => {
  throw corrupt(path, fault, message)
}

const safetensors = async (source: Source): Promise<Contents> => {
  const { path, size } = source
  const length = headerLength(await range(source, 0, Math.min(PREFIX, size)), size)
  if (length._tag === 'Left') return failWith(path, length.left)
  const header = decodeHeader(await range(source, PREFIX, length.right))
  if (header._tag === 'Left') return failWith(path, header.left)
  const begin = PREFIX + length.right
  const wrong = misplaced(header.right, size - begin)
  if (wrong !== null) return failWith(path, wrong)
  const tensors = [...header.right.entries].map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ]) => {
      const block = { elements: 1, bytes: widthOf(dtype) }
      return [name, storedTensor(source, { name, dtype, shape, from: begin + from, bytes: to - from, block })] as const
    },
  )
  return { format: 'safetensors', tensors: new Map(tensors), metadata: header.right.metadata ?? {} }
}

/** Bytes of a GGUF header that are tried first: most have more, for their vocabulary. */
const FIRST = 2 ** 20

const gguf = async (source: Source): Promise<Contents> => {
  const { path, size } = source
  for (let tried = FIRST; ; tried *= 4) {
    const reading = readGguf(await range(source, 0, Math.min(tried, size, LARGEST_HEADER)), size)
    switch (reading._tag) {
      case 'More':
        continue
      case 'Flaw':
        return failWith(path, reading.flaw)
      case 'Version':
        throw new CheckpointFailure({
          _tag: 'Format',
          path,
          message: `read ${path}: this is ${reading.message}. Convert it with the tool that made it.`,
        })
      case 'Header': {
        const tensors = [...reading.header.tensors].map(
          ([name, tensor]) => [name, storedTensor(source, { name, ...tensor })] as const,
        )
        return { format: 'gguf', tensors: new Map(tensors), metadata: reading.header.metadata }
      }
    }
  }
}

/** What other files begin with, that are taken for weights. */
const others: Readonly<Record<string, string>> = {
  'PK\u0003\u0004': 'a ZIP archive, as PyTorch saves pickles',
  '\u0080\u0002': 'a pickle of Python',
  '\u0089HDF': 'HDF5',
}

const file = async (opening: Opening, source: Source): Promise<Contents> => {
  const { path, size } = source
  const beginning = await range(source, 0, Math.min(4, size))
  if (isGguf(beginning)) return gguf(source)
  if (path.endsWith('.json')) return sharded(opening, source)
  const magic = String.fromCharCode(...beginning)
  const other = Object.entries(others).find(([beginning]) => magic.startsWith(beginning))
  // A header of as many bytes would be larger than any: no safetensors file begins so.
  if (other !== undefined && size > PREFIX)
    throw new CheckpointFailure({
      _tag: 'Format',
      path,
      message: `read ${path}: this is ${other[1]}, and safetensors and GGUF are read. Save it as safetensors.`,
    })
  // What is called so may be damaged; what is not, and does not begin so either, is something else.
  if (!path.endsWith('.safetensors') && !(await mayBeSafetensors(source)))
    throw new CheckpointFailure({
      _tag: 'Format',
      path,
      message: `read ${path}: this is neither safetensors nor GGUF, by its first bytes. Name a file of weights, or the folder of a model.`,
    })
  return safetensors(source)
}

/** Whether a file begins as safetensors do: with the length of a header that it has, and a brace. */
const mayBeSafetensors = async (source: Source): Promise<boolean> => {
  if (source.size <= PREFIX) return false
  const beginning = await range(source, 0, PREFIX + 1)
  return headerLength(beginning, source.size)._tag === 'Right' && beginning[PREFIX] === BRACE
}
const BRACE = 0x7b

const sharded = async ({ open }: Opening, index: Source): Promise<Contents> => {
  const decoded = decodeIndex(await range(index, 0, index.size))
  if (decoded._tag === 'Left') return failWith(index.path, decoded.left)
  const { shards, metadata } = decoded.right
  const tensors = new Map<string, StoredTensor>()
  const said: Record<string, unknown> = { ...metadata }
  for (const shard of new Set(shards.values())) {
    const path = `${folderOf(index.path)}${shard}`
    const contents = await safetensors(await open(path).catch(rethrow(path, `read the shard of ${index.path},`)))
    for (const [name, tensor] of contents.tensors) {
      if (shards.get(name) !== shard)
        throw corrupt(path, 'UnlistedTensor', `it has tensor '${name}', and ${index.path} does not say so`)
      tensors.set(name, tensor)
    }
    Object.assign(said, contents.metadata)
  }
  for (const [name, shard] of shards)
    if (!tensors.has(name))
      throw corrupt(
        index.path,
        'MissingTensor',
        `it says that tensor '${name}' is in ${shard}, which has none of that name`,
      )
  // in the order of the index
  const ordered = [...shards.keys()].map((name) => [name, tensors.get(name)!] as const)
  return { format: 'safetensors', tensors: new Map(ordered), metadata: said }
}

const SINGLE = 'model.safetensors'

const folder = async (opening: Opening, path: string): Promise<Contents> => {
  const single = `${path.replace(/[/\\]$/, '')}/${SINGLE}`
  /** The file's source; null where there is none. */
  const found = async (path: string): Promise<Source | null> =>
    opening.open(path).catch((error: unknown) => (codeOf(error) === 'ENOENT' ? null : rethrow(path, 'read')(error)))
  const one = await found(single)
  if (one !== null) return safetensors(one)
  const index = await found(indexPath(single))
  if (index !== null) return sharded(opening, index)
  throw new CheckpointFailure({
    _tag: 'MissingFile',
    path,
    message: `read ${path}: the folder has neither ${SINGLE} nor ${indexPath(SINGLE)}. Name the file, or a folder that has one.`,
  })
}

/** The tensors at a path: of a file of either format, of an index of shards, of a folder with one of them. */
export const openWeights = async (opening: Opening, path: string): Promise<Weights> => {
  const opened = await opening
    .open(path)
    .catch((error: unknown) => (codeOf(error) === 'EISDIR' ? null : rethrow(path, 'read')(error)))
  const contents = opened === null ? await folder(opening, path) : await file(opening, opened)
  return { path, ...contents }
}
