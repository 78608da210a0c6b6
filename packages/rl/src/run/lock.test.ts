// One run a folder: of two processes the second is refused, and what a dead one has left does not hold.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type * as FileSystem from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeError, type RunError } from './errors.ts'
import { deadPid } from './faulty-disk.support.ts'
import { type Held, lockFolder } from './lock.ts'
import { counting } from './counting.support.ts'

let root = ''
let folders = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'adjoint-lock-'))
})
afterAll(() => rm(root, { recursive: true }))
const fresh = (): string => join(root, String(folders++))

const taken = async (folder: string, lock = lockFolder): Promise<Held> => {
  const held = await lock(folder)()
  if (E.isLeft(held)) throw new Error(describeError(held.left))
  return held.right
}
const refused = async (folder: string, lock = lockFolder): Promise<RunError> => {
  const held = await lock(folder)()
  if (E.isRight(held)) throw new Error('the folder was free')
  return held.left
}

/** The fields of this process's own lock, in their order. */
const FIELDS = ['lock', 'host', 'machine', 'boot', 'space', 'pid', 'began', 'thread'] as const
const ownName = async (lock = lockFolder): Promise<readonly string[]> => {
  const folder = fresh()
  const held = await taken(folder, lock)
  const [name] = readdirSync(folder)
  await held.release()
  return name!.split('.')
}
const left = async (
  others: Partial<Record<(typeof FIELDS)[number], string>>,
  holds = true,
  lock = lockFolder,
): Promise<string> => {
  const folder = fresh()
  mkdirSync(folder)
  const name = (await ownName(lock)).map((field, i) => others[FIELDS[i]!] ?? field).join('.')
  writeFileSync(join(folder, name), holds ? 'process 1 runs in this folder\n' : '')
  return folder
}

/** Another copy of the module, as a second version of the package brings; on a machine of that id, where one is given. */
const anotherCopy = async (machineId?: string): Promise<typeof lockFolder> => {
  vi.resetModules()
  vi.doMock('node:fs/promises', async (original) => {
    const real = await original<typeof FileSystem>()
    const read = (path: string, ...rest: readonly []): Promise<unknown> =>
      machineId !== undefined && path === '/etc/machine-id' ? Promise.resolve(machineId) : real.readFile(path, ...rest)
    return { ...real, readFile: read }
  })
  try {
    return (await import('./lock.ts')).lockFolder
  } finally {
    vi.doUnmock('node:fs/promises')
  }
}

describe('a lock', () => {
  test('is had once, and again when it was given back', async () => {
    const folder = fresh()
    const held = await taken(folder)
    expect(await refused(folder)).toMatchObject({ _tag: 'Locked', folder, pid: process.pid })
    expect(await refused(join(folder, '..', folder.split('/').at(-1)!))).toMatchObject({ _tag: 'Locked' })
    await held.release()
    expect(readdirSync(folder)).toEqual([])
    const again = await taken(folder)
    expect(again.inherited).toBe(false)
    await again.release()
  })

  test
    .skipIf(process.platform !== 'linux')
    .each<readonly [string, Partial<Record<(typeof FIELDS)[number], string>>]>([
      ['a process that began at another moment under this number', { began: '1', thread: '7' }],
    ])('of %s does not hold, and goes', async (_, others) => {
    const folder = await left(others)
    const held = await taken(folder)
    expect(held.inherited).toBe(true)
    expect(readdirSync(folder)).toHaveLength(1)
    await held.release()
  })

  test('is had once by all copies of the module in one process, and given back by the one that has it', async () => {
    const other = await anotherCopy()
    expect(other).not.toBe(lockFolder)
    const folder = fresh()
    const held = await taken(folder)
    expect(await refused(folder, other)).toMatchObject({ _tag: 'Locked', pid: process.pid })
    expect(readdirSync(folder)).toHaveLength(1)
    await held.release()
    const again = await taken(folder, other)
    expect(await refused(folder)).toMatchObject({ _tag: 'Locked', pid: process.pid })
    await again.release()
    expect(readdirSync(folder)).toEqual([])
  })

  test('of another boot does not hold where the id of the machine is known', async () => {
    const lock = await anotherCopy('0123456789abcdef\n')
    const folder = await left({ boot: 'deadbeef' }, true, lock)
    const held = await taken(folder, lock)
    expect(held.inherited).toBe(true)
    expect(readdirSync(folder)).toHaveLength(1)
    await held.release()
  })

  test('of another boot holds where it may be that of another machine of this name', async () => {
    const [known, unknown] = [await anotherCopy('0123456789abcdef\n'), await anotherCopy('\n')]
    for (const [theirs, ours] of [
      [unknown, unknown],
      [known, unknown],
      [unknown, known],
    ] as const) {
      const folder = await left({ boot: 'deadbeef' }, true, theirs)
      const [name] = readdirSync(folder)
      const error = await refused(folder, ours)
      expect(error).toMatchObject({ _tag: 'Locked', file: join(folder, name!) })
      expect(describeError(error)).toContain(`remove ${join(folder, name!)}`)
      expect(readdirSync(folder)).toEqual([name])
    }
  })

  test('of a process that has ended does not hold, whether it asked or had it', async () => {
    const pid = String(await deadPid())
    for (const holds of [true, false]) {
      const folder = await left({ pid }, holds)
      const held = await taken(folder)
      expect(held.inherited).toBe(true)
      await held.release()
      expect(readdirSync(folder)).toEqual([])
    }
  })

  test.each<readonly [string, Partial<Record<(typeof FIELDS)[number], string>>]>([
    ['another thread of this process', { thread: '7' }],
    ['another machine, which cannot be asked', { machine: '00000000', boot: '11111111' }],
    ['another container, whose processes have numbers of their own', { space: '7' }],
  ])('of %s holds, and the refusal names its file', async (_, others) => {
    const folder = await left(others)
    const [name] = readdirSync(folder)
    const error = await refused(folder)
    expect(error).toMatchObject({ _tag: 'Locked', file: join(folder, name!) })
    expect(describeError(error)).toMatch(/in use by process \d+ of .*wait for it or stop it.*remove/)
    expect(readdirSync(folder)).toEqual([name])
    await rm(join(folder, name!))
    await (await taken(folder)).release()
  })

  test('of two that ask at once, goes to the lower name', async () => {
    // A machine of that digest sorts before this one, and thread 9 of this process after it; both live.
    const first = await left({ machine: '00000000' }, false)
    const began = performance.now()
    expect((await refused(first))._tag).toBe('Locked')
    expect(performance.now() - began).toBeLessThan(1000)
    const later = await left({ thread: '9' }, false)
    const [other] = readdirSync(later)
    const waiting = lockFolder(later)()
    setTimeout(() => void rm(join(later, other!)), 60)
    const held = await waiting
    if (E.isLeft(held)) throw new Error(describeError(held.left))
    expect(readdirSync(later)).toHaveLength(1)
    await held.right.release()
  })

  test('cannot be had where the folder cannot be made', async () => {
    const file = fresh()
    writeFileSync(file, 'no folder')
    expect(await refused(join(file, 'below'))).toMatchObject({ _tag: 'FileFailure' })
  })
})

describe('two processes on one folder', () => {
  interface Child {
    readonly said: Promise<string>
    readonly kill: () => Promise<void>
  }
  const script = fileURLToPath(new URL('./counting.child.support.mjs', import.meta.url))
  /** A process that runs in the folder until it is killed; its first line says that it has begun, or why not. */
  const start = (folder: string): Child => {
    const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const said = new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve))
    return {
      said,
      kill: async () => {
        child.kill('SIGKILL')
        await gone
      },
    }
  }

  test('the second is refused at once, with what to do; the folder of a killed one is free', async () => {
    const folder = fresh()
    const both = [start(folder), start(folder)]
    const said = await Promise.all(both.map((child) => child.said))
    expect(said.filter((line) => line === 'begun')).toHaveLength(1)
    expect(said.find((line) => line !== 'begun')).toMatch(/in use by process \d+ of .* choose another folder/)
    // This process is a third one.
    const began = performance.now()
    const third = await counting(folder, 5, 'where begun')()
    expect(performance.now() - began).toBeLessThan(2000)
    expect(third).toMatchObject({ left: { _tag: 'Locked', folder } })

    await Promise.all(both.map((child) => child.kill()))
    const steps = readFileSync(join(folder, 'log.jsonl'), 'utf8').split('\n').length + 3
    const whole = fresh()
    expect(E.isRight(await counting(folder, steps, true)())).toBe(true)
    expect(E.isRight(await counting(whole, steps, false)())).toBe(true)
    expect(readFileSync(join(folder, 'log.jsonl'))).toEqual(readFileSync(join(whole, 'log.jsonl')))
    expect(readdirSync(folder).sort()).toEqual(readdirSync(whole).sort())
    expect(existsSync(join(folder, 'checkpoint.safetensors'))).toBe(true)
  }, 120_000)
})
