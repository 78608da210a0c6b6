/**
 * A lock on a folder, which one run holds at a time, and which the death of its process ends, whatever killed it.
 *
 * Each process that asks has a file of its own, named after it: host, boot, process, and the moment that process began. So
 * to remove the file of a dead one can never remove that of a live one, and no file has to be taken over. A file that is
 * empty asks; one that has a line holds. Of two that ask at the same moment the lower name waits and the higher one leaves;
 * a file stays as long as its process asks or holds, so that no listing of the folder misses it.
 *
 * Whether a process lives is asked of the system, not of a clock: nothing is to be waited for after a kill. That answer is
 * had for processes of this machine only. What cannot be asked counts as alive, and the refusal names the file to remove
 * where it is not:
 *
 * - a process of another machine, on a folder shared by network, or of another container with its own process numbers;
 * - one of this machine's name and of another boot, where the system tells no id of the machine: it is of this machine before
 *   it started again, or of another one of that name, which runs;
 * - another thread of this process: the system does not tell whether a worker was terminated, and its process lives.
 *
 * Where the system tells neither boot nor id, machines are told apart by their names alone: give them different ones.
 */
import {
  createHash,
  hostname,
  join,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  sleep,
  threadId,
  writeFile,
} from '#system'
import { makeFolder } from '@adjoint/nn'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { fileFailure, folderFailure, type RunError } from './errors.ts'

/** Whose a file is. */
interface Owner {
  readonly host: string
  /** A digest of what tells it from other hosts of that name; 'none' where the system does not tell. */
  readonly machine: string
  /** Changes when the machine starts; 'none' where the system does not tell. */
  readonly boot: string
  /** Of the process numbers: each container may count its own. */
  readonly space: string
  readonly pid: number
  /** When the process began; '0' where the system does not tell. A number that is given out again has another. */
  readonly began: string
  /** Threads of one process are told apart. */
  readonly thread: number
}

/** @internal A folder that this process holds. */
export interface Held {
  /** Whether a run that was killed had held it. */
  readonly inherited: boolean
  readonly release: TE.TaskEither<RunError, void>
}

const nameOf = ({ host, machine, boot, space, pid, began, thread }: Owner): string =>
  ['lock', host, machine, boot, space, pid, began, thread].join('.')

const NAME = /^lock\.([\w-]+)\.(\w+)\.(\w+)\.(\w+)\.(\d+)\.(\d+)\.(\d+)$/

const ownerOf = (name: string): Owner | null => {
  const [, host, machine, boot, space, pid, began, thread] = NAME.exec(name) ?? []
  return thread === undefined
    ? null
    : { host: host!, machine: machine!, boot: boot!, space: space!, pid: Number(pid), began: began!, thread: +thread }
}

/** @internal Whether a file of a folder is one of the lock's. */
export const isLockFile = (name: string): boolean => NAME.test(name)

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)
/** What the system tells of itself in a file, or what stands for it where it does not. */
const told = async (path: string, otherwise: string): Promise<string> => {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.trim() === '' ? otherwise : text.trim()
}

/** When a process began, in ticks since the boot, from its line in /proc; null where it is dead but not yet buried. */
const beganAt = async (pid: number | 'self'): Promise<string | null> => {
  const stat = await told(`/proc/${pid}/stat`, '')
  // The name in brackets may hold anything; what follows it does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return null
  return fields[19] ?? '0'
}

const thisMachine = async (): Promise<string> => {
  const id = await told('/etc/machine-id', '')
  return id === '' ? 'none' : short(`${hostname()} ${id}`)
}

const thisOwner = async (): Promise<Owner> => ({
  host: hostname().replace(/[^\w-]/g, '-') || 'host',
  machine: await thisMachine(),
  boot: short(await told('/proc/sys/kernel/random/boot_id', 'none')),
  space: (await readlink('/proc/self/ns/pid').catch(() => 'none')).replace(/\D/g, '') || 'none',
  pid: process.pid,
  began: (await beganAt('self')) ?? '0',
  thread: threadId,
})

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Of somebody else, but there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

const isDead = async (other: Owner, self: Owner): Promise<boolean> => {
  if (other.host !== self.host || other.machine !== self.machine) return false
  // Of two boots of one machine the other is over. Without its id, it may be another machine, which runs.
  if (other.boot !== self.boot) return self.machine !== 'none'
  if (other.space !== self.space) return false
  if (!exists(other.pid)) return true
  const began = await beganAt(other.pid)
  return began === null || (other.began !== '0' && began !== '0' && other.began !== began)
}

const LOCKS: unique symbol = Symbol.for('@adjoint/rl locks')

/**
 * Folders of this thread, whichever copy of this module took them: all copies give their file one name. A file of its own
 * that is of none of them was left by a removal that failed.
 */
const held: Set<string> = ((globalThis as { [LOCKS]?: Set<string> | undefined })[LOCKS] ??= new Set())

const POLL = 5
const PATIENCE = 2000

/** The name of a live one that has the folder, or asked first; null where there is none. What the dead left goes. */
const rival = async (folder: string, self: Owner): Promise<{ readonly name: string | null; readonly dead: number }> => {
  const own = nameOf(self)
  let dead = 0
  const deadline = Date.now() + PATIENCE
  for (;;) {
    let waits: string | null = null
    for (const name of await readdir(folder)) {
      const owner = ownerOf(name)
      if (owner === null || name === own) continue
      if (await isDead(owner, self)) {
        await rm(join(folder, name), { force: true })
        dead++
        continue
      }
      const holds = (await readFile(join(folder, name), 'utf8').catch(() => '')) !== ''
      if (holds || name < own) return { name, dead }
      waits = name
    }
    if (waits === null) return { name: null, dead }
    // It asked at the same moment, and leaves as soon as it sees this one.
    if (Date.now() > deadline) return { name: waits, dead }
    await sleep(POLL)
  }
}

const locked = (folder: string, name: string): RunError => {
  const { host, pid } = ownerOf(name)!
  return { _tag: 'Locked', folder, pid, host, file: join(folder, name) }
}

/**
 * @internal Takes a folder, which is made where it is missing. Left Locked, at once, where another process has it, or this
 * one does, by whichever copy of this module.
 */
export const lockFolder =
  (folder: string): TE.TaskEither<RunError, Held> =>
  async () => {
    let real: string | null = null
    let file: string | null = null
    const leave = async (): Promise<void> => {
      if (real !== null) held.delete(real)
      if (file !== null) await rm(file, { force: true })
    }
    try {
      await makeFolder(folder)
    } catch (thrown) {
      return E.left(folderFailure(folder, thrown))
    }
    try {
      const self = await thisOwner()
      const found = await realpath(folder)
      if (held.has(found)) return E.left(locked(folder, nameOf(self)))
      held.add((real = found))
      const own = join(folder, nameOf(self))
      const inherited = await readFile(own).then(
        () => true,
        () => false,
      )
      await writeFile((file = own), '')
      const { name, dead } = await rival(folder, self)
      if (name !== null) {
        await leave()
        return E.left(locked(folder, name))
      }
      await writeFile(own, `process ${self.pid} of ${self.host} runs in this folder; remove this file if it does not\n`)
      return E.right({
        inherited: inherited || dead > 0,
        release: TE.tryCatch(leave, fileFailure(own)),
      })
    } catch (thrown) {
      await leave().catch(() => undefined)
      return E.left(fileFailure(folder)(thrown))
    }
  }
