/** What lies at a path where a model or a tokenizer is to be: a file is known by its first bytes, whatever its name. */
import { codeOf } from './failure.ts'
import type { Files } from './files.ts'
import { GGUF_MAGIC } from './gguf.ts'

/** A folder, a GGUF file, one of safetensors, another file, or nothing. */
export type PathKind = 'folder' | 'gguf' | 'safetensors' | 'file' | 'absent'

/** The length of its header in eight bytes, and then the header, a record of JSON. */
const HEADER_AT = 8

/** Whether a file that begins so is GGUF. */
export const isGguf = (beginning: Uint8Array): boolean =>
  String.fromCharCode(...beginning.subarray(0, GGUF_MAGIC.length)) === GGUF_MAGIC

const OPENING_BRACE = '{'.charCodeAt(0)
/** A header is shorter than 2^56 bytes, and no text has a zero. */
const isText = (beginning: Uint8Array): boolean => beginning[HEADER_AT - 1] !== 0

/** The kind of what lies there. Rejects with the system's error where it cannot be looked at. */
export const kindAt = async (path: string, { open }: Pick<Files, 'open'>): Promise<PathKind> => {
  const file = await open(path).catch((error: unknown): 'folder' | 'absent' => {
    const code = codeOf(error)
    if (code === 'EISDIR') return 'folder'
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'absent'
    throw error
  })
  if (typeof file === 'string') return file
  try {
    const beginning = new Uint8Array(HEADER_AT + 1)
    await file.read(0, beginning)
    return isGguf(beginning)
      ? 'gguf'
      : beginning[HEADER_AT] === OPENING_BRACE && !isText(beginning)
        ? 'safetensors'
        : 'file'
  } finally {
    await file.close()
  }
}
