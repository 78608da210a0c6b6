import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import * as p from '../../primitives/index.ts'
import type { Device } from '../../graph/device.ts'
import { nativeDevice } from './open.ts'
import { answersIn } from './answers.ts'
import { cutIntoFiles, fileText } from './source.ts'
import { openStore } from '../engine/store.ts'
import { loadSystem } from './system.ts'
import { findToolchain } from './toolchain.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'adjoint-test-'))
  vi.stubEnv('ADJOINT_CACHE', join(folder, 'cache'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const opened = async (): Promise<Device> => {
  const device = await nativeDevice()()
  if (E.isLeft(device)) throw new Error(device.left.message)
  return device.right
}
/** 1, 2 and 3, each and a half, on a device made for it. */
const computed = async (): Promise<readonly number[]> => {
  const device = await opened()
  const x = p.parameter({ shape: [3], dtype: 'f32' })
  const { run } = device.compile({ inputs: [x], outputs: [p.add(x, p.fill([3], 'f32', 0.5))], donated: [false] })
  const [y] = run([device.upload(Float32Array.of(1, 2, 3), { shape: [3], dtype: 'f32' })])
  const values = await device.download(y!)()
  await device.destroy()
  return E.isRight(values) ? Array.from(values.right) : []
}
const entries = (): readonly string[] => readdirSync(join(folder, 'cache')).sort()
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 32)
/** A command that says it is a compiler and then does this. */
const pretender = (then: string): void => {
  const file = join(folder, 'pretender')
  writeFileSync(file, `#!/bin/sh\nif [ "$1" = --version ]; then echo pretender 1; exit 0; fi\n${then}\n`)
  chmodSync(file, 0o755)
  vi.stubEnv('ADJOINT_CC', file)
}

describe('a native device that cannot be', () => {
  it('says that there is no compiler, and what to do', async () => {
    vi.stubEnv('ADJOINT_CC', join(folder, 'none'))
    const device = await nativeDevice()()
    expect(device).toMatchObject({ left: { _tag: 'NoDevice' } })
    expect(E.isLeft(device) && device.left.message).toMatch(/no C compiler was found \(tried .*none\); install/)
  })
  it('says what a compiler that fails said', async () => {
    pretender('echo it is raining >&2; exit 3')
    const device = await nativeDevice()()
    expect(E.isLeft(device) && device.left.message).toMatch(/pretender failed: it is raining/)
  })
})

describe.runIf(inject('devices').includes('native'))('a compiler without vectors', () => {
  it('is found out when the device is opened', async () => {
    pretender('case "$*" in *-dM*) exec cc "$@";; *) exec cc -D__builtin_convertvector=no_such_thing "$@";; esac')
    const device = await nativeDevice()()
    expect(E.isLeft(device) && device.left.message).toMatch(/pretender failed: .*convertvector/s)
  })
})

describe.runIf(inject('devices').includes('native'))('native device', () => {
  it('says what the compiler said of a program that it does not take', async () => {
    pretender(
      'case "$*" in *-dM*) exec cc "$@";; *draft-*-0.c*) exec cc "$@";; esac; echo no more kernels today >&2; exit 1',
    )
    const device = await opened()
    const x = p.parameter({ shape: [3], dtype: 'f32' })
    const compile = () => device.compile({ inputs: [x], outputs: [p.exp(x)], donated: [false] })
    expect(compile).toThrow(/could not compile a program: the C compiler .* failed: no more kernels today/)
    expect(entries().filter((name) => name.startsWith('draft'))).toEqual([])
    await device.destroy()
  })

  it('compiles what is not on disk, and nothing twice', async () => {
    expect(await computed()).toEqual([1.5, 2.5, 3.5])
    const first = entries()
    expect(first).toHaveLength(3) // what the compiler said of itself, what all kernels share, and the kernel
    const inodes = first.map((name) => statSync(join(folder, 'cache', name)).ino)
    expect(await computed()).toEqual([1.5, 2.5, 3.5])
    expect(entries()).toEqual(first)
    expect(first.map((name) => statSync(join(folder, 'cache', name)).ino)).toEqual(inodes)
  })

  it.each([
    ['cut short', (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2), false],
    ['empty', () => new Uint8Array(), false],
    ['with a bit turned', (bytes: Uint8Array) => bytes.map((b, i) => (i === 4000 ? b ^ 1 : b)), false],
    ['whole, and no library', () => Uint8Array.of(1, 2, 3), true],
  ])('compiles an entry again that is %s', async (_, spoil, renamed) => {
    await computed()
    const names = entries()
    for (const name of names) {
      const file = join(folder, 'cache', name)
      const spoilt = spoil(readFileSync(file))
      rmSync(file)
      const kept = renamed ? `${name.split('-')[0]!}-${hashOf(spoilt)}.so` : name
      writeFileSync(join(folder, 'cache', kept), spoilt)
    }
    expect(await computed()).toEqual([1.5, 2.5, 3.5])
    for (const name of entries()) expect(name).toContain(hashOf(readFileSync(join(folder, 'cache', name))))
    expect(entries().map((name) => name.split('-')[0])).toEqual(names.map((name) => name.split('-')[0]))
  })

  it('needs no folder that it can write to, and says so', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    // folders under /proc can be neither found nor made
    for (const unusable of [join(file, 'cache'), '/proc/adjoint/cache']) {
      const told = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
      vi.stubEnv('ADJOINT_CACHE', unusable)
      expect(await computed()).toEqual([1.5, 2.5, 3.5])
      expect(told.mock.calls.map(([message]) => String(message))).toEqual([expect.stringContaining(unusable)])
      told.mockRestore()
    }
  })
})

describe.runIf(inject('devices').includes('native'))('what a compiler said of itself', () => {
  it('is asked once of a compiler as it is, and each time of a script', async () => {
    const system = await loadSystem()
    const store = openStore(system)
    const answers = answersIn(system, store, 'a question')
    const found = findToolchain(system, answers)
    if (E.isLeft(found)) throw new Error('no compiler')
    const { command } = found.right
    expect(answers.recall(command)).toEqual(found.right)
    expect(answersIn(system, store, 'another question').recall(command)).toBeNull()

    const compiler = join(folder, 'compiler')
    writeFileSync(compiler, 'a compiler', { mode: 0o755 })
    answers.remember({ ...found.right, command: compiler })
    expect(answers.recall(compiler)).toEqual({ ...found.right, command: compiler })
    writeFileSync(compiler, 'a newer compiler')
    expect(answers.recall(compiler)).toBeNull()

    writeFileSync(compiler, '#!/bin/sh')
    answers.remember({ ...found.right, command: compiler })
    expect(answers.recall(compiler)).toBeNull()
  })
})

describe('kernels compiled together', () => {
  it('are cut into files of about equal length, one for each processor at least', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 16 }),
        (lengths, processors) => {
          const sources = lengths.map((n, i) => ({
            name: `f${i}`,
            source: { shared: [], own: (_: string) => 'x'.repeat(n) },
          }))
          const files = cutIntoFiles(sources, processors)
          expect(files.flat()).toHaveLength(sources.length)
          expect(new Set(files.flat())).toEqual(new Set(sources))
          expect(files.length).toBeGreaterThanOrEqual(Math.min(processors, sources.length))
          const sizes = files.map((f) => f.reduce((n, s) => n + s.source.own('').length, 0))
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(Math.max(...lengths))
        },
      ),
      { seed: 5 },
    )
  })
  it('have what they share once, and one file on disk', async () => {
    const text = fileText([
      { name: 'a', source: { shared: ['x', 'y'], own: (name) => name } },
      { name: 'b', source: { shared: ['x', 'z'], own: (name) => name } },
    ])
    expect(text).toBe('x\ny\nz\na\nb')
    const store = openStore(await loadSystem())
    const draft = store.draft('.so')
    writeFileSync(draft, 'a library')
    const keys = ['1', '2', '3'].map((d) => d.repeat(64))
    const kept = store.keep(keys, draft)
    expect(new Set(kept.map(({ path }) => statSync(path).ino)).size).toBe(1)
    expect([...store.find(keys).values()]).toEqual(kept)
    expect(entries()).toHaveLength(3)
    writeFileSync(kept[0]!.path, 'another text')
    expect(store.find(keys).size).toBe(0)
    expect(entries()).toEqual([])
  })
})

describe('a store of objects', () => {
  it('takes out what was used longest ago where all is too much, and nothing that is not its own', async () => {
    vi.stubEnv('ADJOINT_CACHE_BYTES', '1000')
    const store = openStore(await loadSystem())
    const root = join(folder, 'cache')
    mkdirSync(root)
    writeFileSync(join(root, 'letter.txt'), new Uint8Array(5000))
    const key = (i: number): string => String(i).padStart(64, '0')
    for (let i = 0; i < 12; i++) {
      const draft = store.draft('.so')
      writeFileSync(draft, new Uint8Array(100).fill(i))
      store.keep([key(i)], draft)
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(store.find([key(0)]).size).toBe(1) // used, and so it stays
    }
    const left = [...store.find(Array.from({ length: 12 }, (_, i) => key(i))).keys()].map(Number)
    expect(left).toContain(0)
    expect(left).toContain(11)
    expect(left).not.toContain(1)
    expect(left.length).toBeLessThanOrEqual(10)
    expect(entries()).toContain('letter.txt')
  })
})

it('leaves no folder behind where there is no compiler', async () => {
  vi.stubEnv('ADJOINT_CC', join(folder, 'nothing'))
  expect(E.isLeft(await nativeDevice()())).toBe(true)
  expect(existsSync(join(folder, 'cache'))).toBe(false)
})
