/** The page's script: `browser/main.ts` and what it imports, as one text that needs nothing from anywhere. */
import { build } from 'esbuild'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'

/** A script, and the hash by which the page allows it to run. */
export interface Script {
  readonly text: string
  /** `sha256-..`, as a Content-Security-Policy names it. */
  readonly hash: string
}

const bundle = async (): Promise<Script> => {
  const entry = fileURLToPath(new URL('../browser/main.ts', import.meta.url))
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    charset: 'ascii',
    logLevel: 'silent',
  })
  // A browser ends the script at this text wherever it stands, in a string too.
  const text = outputFiles[0]!.text.replaceAll('</', '<\\/')
  return { text, hash: `sha256-${createHash('sha256').update(text).digest('base64')}` }
}

let made: Promise<Script> | null = null

/** The script of the page; bundled once a process. */
export const pageScript = (): Promise<Script> => (made ??= bundle())
