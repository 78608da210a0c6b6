/** Where a model is that a command line names: a path, or a part of the name of what lies in the folder that ADJOINT_MODELS names. */
import * as E from 'fp-ts/lib/Either.js'
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Whether a file begins as GGUF does. */
const beginsAsGguf = (path: string): boolean => {
  const [file, beginning] = [openSync(path, 'r'), Buffer.alloc(4)]
  try {
    readSync(file, beginning)
  } finally {
    closeSync(file)
  }
  return beginning.toString('latin1') === 'GGUF'
}

/** Whether a folder's entry is a model: a folder with a description, or a GGUF file by its name (it may be damaged, which is told by who reads it) or by its beginning. */
const isModel = (path: string): boolean => {
  try {
    const entry = statSync(path)
    if (entry.isDirectory()) return existsSync(join(path, 'config.json'))
    return entry.isFile() && (path.endsWith('.gguf') || beginsAsGguf(path))
  } catch {
    // a link to nothing, or what this user may not read: there is nothing to offer
    return false
  }
}

const atHand = (home: string): readonly string[] =>
  home === '' || !existsSync(home) ? [] : readdirSync(home).filter((entry) => isModel(join(home, entry)))

/**
 * The path of a model: that which is given, where there is such a file or folder; else what ADJOINT_MODELS has under this name, or a
 * longer one. Null asks for whatever is there, if it is one. Left: a sentence.
 */
export const modelPath = (
  name: string | null,
  home: string = process.env['ADJOINT_MODELS'] ?? '',
): E.Either<string, string> => {
  if (name !== null && existsSync(name)) return E.right(name)
  const there = atHand(home)
  const wanted = (name ?? '').toLowerCase()
  const exact = there.filter((entry) => entry.toLowerCase() === wanted)
  const found = exact.length > 0 ? exact : there.filter((entry) => entry.toLowerCase().includes(wanted))
  if (found.length === 1) return E.right(join(home, found[0]!))
  const places =
    home === ''
      ? 'ADJOINT_MODELS names no folder to look for it in.'
      : `In ${home}, which ADJOINT_MODELS names, there is ${there.length === 0 ? 'none' : there.join(', ')}.`
  if (name === null)
    return E.left(
      `which model? Give --model DIR or FILE, or set ADJOINT_MODELS to the folder of SmolLM2-135M-Instruct. ${places}`,
    )
  return E.left(
    found.length > 1
      ? `the model ${name} may be any of ${found.join(', ')} in ${home}. Give more of its name.`
      : `there is no model ${name}: no folder or file has this path. ${places}`,
  )
}
