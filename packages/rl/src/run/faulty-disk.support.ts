/**
 * Test support: a file system that fails, in place of `node:fs/promises`. Operations below a folder are counted, those of
 * open files among them. At the k-th the process is killed, before it or in the middle of it: from then on nothing reaches
 * the disk. Or the disk is full at the k-th, and has room again afterwards.
 *
 *     vi.mock('node:fs/promises', async (original) => (await import('./faulty-disk.support.ts')).faulty(await original()))
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, renameSync } from 'node:fs'
import type * as fs from 'node:fs/promises'
import { join } from 'node:path'

/** What happens at an operation: the kill before it, the kill in the middle of it, or a full disk. */
export type Fault = 'kill' | 'torn' | 'full'

interface Plan {
  readonly root: string
  readonly at: number
  readonly fault: Fault
}

// One disk a process, which the mocked module and the test share.
const disk: { plan: Plan | null; operations: number; dead: boolean } = { plan: null, operations: 0, dead: false }

/** Runs with a fault at operation number `at` (from 1) below `root`; says how many there were, and whether it came to pass. */
export const withFault = async <A>(
  plan: Plan,
  use: () => Promise<A>,
): Promise<{ readonly result: A; readonly operations: number; readonly met: boolean }> => {
  Object.assign(disk, { plan, operations: 0, dead: false })
  try {
    const result = await use()
    return { result, operations: disk.operations, met: disk.operations >= plan.at }
  } finally {
    Object.assign(disk, { plan: null, dead: false })
  }
}

const failure = (code: string): Error => Object.assign(new Error(`${code}: as planned`), { code })

interface Operation<A> {
  readonly path: string
  readonly whole: () => Promise<A>
  /** Half of it, where it can be torn. */
  readonly half?: () => Promise<unknown>
  /** Whether it needs room on the disk. */
  readonly grows?: boolean
}

const perform = async <A>({ path, whole, half, grows = half !== undefined }: Operation<A>): Promise<A> => {
  const { plan } = disk
  if (plan === null || !path.startsWith(plan.root)) return whole()
  if (disk.dead) throw failure('EKILLED')
  if (++disk.operations !== plan.at) return whole()
  if (plan.fault === 'full') {
    if (!grows) return whole()
    await half?.()
    throw failure('ENOSPC')
  }
  disk.dead = true
  if (plan.fault === 'torn') await (half ?? whole)()
  throw failure('EKILLED')
}

type Data = string | Uint8Array
const halfOf = (data: Data): Data => data.slice(0, Math.floor(data.length / 2))

const handle = (path: string, file: fs.FileHandle): Partial<fs.FileHandle> => {
  const write = (data: Data): Promise<void> =>
    perform({ path, whole: () => file.appendFile(data), half: () => file.appendFile(halfOf(data)) })
  const writePart = (bytes: Uint8Array, from: number, length: number) =>
    perform({
      path,
      whole: () => file.write(bytes, from, length),
      half: () => file.write(bytes, from, Math.floor(length / 2)),
    })
  return {
    // of its overloads, the one by bytes
    write: writePart as fs.FileHandle['write'],
    appendFile: (data) => write(data),
    writeFile: (data) => write(data),
    sync: () => perform({ path, whole: () => file.sync() }),
    // A dead process has no open files.
    close: () => perform({ path, whole: () => Promise.resolve() }).finally(() => file.close()),
  }
}

/** The module with the faults. What the tests do not use is as it was. */
export const faulty = (actual: typeof fs): typeof fs => {
  const counted =
    <A extends readonly unknown[], R>(f: (path: string, ...rest: A) => Promise<R>, grows = false) =>
    (path: string, ...rest: A): Promise<R> =>
      perform({ path, whole: () => f(path, ...rest), grows })
  const own = {
    open: (path: string, flags: string) =>
      perform({
        path,
        whole: async () => handle(path, await actual.open(path, flags)),
        half: async () => (await actual.open(path, flags)).close(),
      }),
    writeFile: (path: string, data: Data, options?: fs.FileHandle | object) =>
      perform({
        path,
        whole: () => actual.writeFile(path, data, options as object),
        half: () => actual.writeFile(path, halfOf(data), options as object),
      }),
    mkdir: counted(actual.mkdir as (path: string, ...rest: readonly unknown[]) => Promise<unknown>, true),
    rename: counted(actual.rename as (path: string, ...rest: readonly unknown[]) => Promise<unknown>, true),
    rm: counted(actual.rm as (path: string, ...rest: readonly unknown[]) => Promise<unknown>),
    truncate: counted(actual.truncate as (path: string, ...rest: readonly unknown[]) => Promise<unknown>),
    readFile: counted(actual.readFile as (path: string, ...rest: readonly unknown[]) => Promise<unknown>),
    readdir: counted(actual.readdir as (path: string, ...rest: readonly unknown[]) => Promise<unknown>),
    access: counted(actual.access as (path: string, ...rest: readonly unknown[]) => Promise<unknown>),
  }
  // The signatures that this repository calls; the others of the module are left out of the test.
  return { ...actual, ...own } as unknown as typeof fs
}

/** The number of a process that has ended. */
export const deadPid = (): Promise<number> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
    child.once('exit', () => resolve(child.pid!))
  })

/** Gives the locks in a folder to a process that has ended: here the killed one was this one, which lives. */
export const bury = (folder: string, pid: number): void => {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const parts = name.split('.')
    if (parts[0] === 'lock') renameSync(join(folder, name), join(folder, parts.with(5, String(pid)).join('.')))
  }
}
