/** Test support: an example as its users run it, as a process of its own. */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'

const SCRIPT = 'scripts/example.mjs'

/** What a process ended with. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the example to its end. */
export const exampleOf =
  (name: string) =>
  (...flags: readonly string[]): Promise<Ended> =>
    new Promise((resolve) => {
      execFile(process.execPath, [SCRIPT, name, ...flags], (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr })
      })
    })

/** Starts the example, and kills it by SIGKILL as soon as `isDue`, unless it is done before. */
export const killed = async (name: string, flags: readonly string[], isDue: () => boolean): Promise<void> => {
  const child = spawn(process.execPath, [SCRIPT, name, ...flags], { stdio: 'ignore' })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  while (!isDue() && child.exitCode === null) await sleep(5)
  child.kill('SIGKILL')
  await gone
}

/** A folder for the tests of a file; it goes when they are done. */
export const testFolder = async (name: string): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), `adjoint-${name}-`))
  afterAll(() => rm(root, { recursive: true }))
  return root
}
