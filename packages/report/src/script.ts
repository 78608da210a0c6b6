/** The script of the page, and the hash by which the page allows it to run. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** A script, and the hash by which the page allows it to run. */
export interface Script {
  readonly text: string
  /** `sha256-..`, as a Content-Security-Policy names it. */
  readonly hash: string
}

interface Bundler {
  readonly bundle: () => Promise<string>
}

/** What was packed with this file; in a checkout, where nothing is, it is bundled from its sources, by a development dependency. */
const made = async (): Promise<string> => {
  try {
    return await readFile(new URL('viewer-script.js', import.meta.url), 'utf8')
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) throw thrown
    const { bundle } = (await import(new URL('../bundle.mjs', import.meta.url).href)) as Bundler
    return bundle()
  }
}

const script = async (): Promise<Script> => {
  // A browser ends the script at this text wherever it stands, in a string too.
  const text = (await made()).replaceAll('</', '<\\/')
  return { text, hash: `sha256-${createHash('sha256').update(text).digest('base64')}` }
}

let known: Promise<Script> | null = null

/** The script of the page; read or bundled once a process. */
export const pageScript = (): Promise<Script> => (known ??= script())
