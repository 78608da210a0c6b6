// Brings one TypeScript project and what it references up to date; silent unless it fails.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Builds `project` (a path from the repository's root); on an error prints the compiler's words and ends with code 1. */
export function build(project) {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '-b', project], { cwd: root, encoding: 'utf8' })
  if (status === 0) return
  process.stderr.write(`${stdout}${stderr}`)
  process.exit(1)
}
