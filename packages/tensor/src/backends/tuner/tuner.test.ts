/** The tuner of devices in linear memory, on wasm, which compiles at once; what is native's own is checked on native. */
import * as E from 'fp-ts/lib/Either.js'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { findDisk } from '../engine/disk.ts'
import { openStore } from '../engine/store.ts'
import type { LinearDevice } from '../linear/face.ts'
import { nativeDevice } from '../native/open.ts'
import * as p from '../../primitives/index.ts'
import { wasmDevice } from '../wasm/device.ts'
import type { Contest } from './candidate.ts'
import { winnersIn } from './winners.ts'

let folder: string
let cache: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'adjoint-test-'))
  cache = join(folder, 'cache')
  vi.stubEnv('ADJOINT_CACHE', cache)
  vi.stubEnv('ADJOINT_TUNE', '')
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true, force: true })
})

type Kind = 'wasm' | 'native'
const open = async (kind: Kind, tune?: boolean): Promise<LinearDevice<Kind>> => {
  const options = { threads: 1, ...(tune === undefined ? {} : { tune }) }
  if (kind === 'wasm') return wasmDevice(options)
  const opened = await nativeDevice(options)()
  if (E.isLeft(opened)) throw new Error(opened.left.message)
  return opened.right
}
/** The product of [m, 40] and [40, 24], twice. */
const product = async (device: LinearDevice<Kind>, m = 20): Promise<readonly number[]> => {
  const [a, b] = [p.parameter({ shape: [m, 40], dtype: 'f32' }), p.parameter({ shape: [40, 24], dtype: 'f32' })]
  const inputs = [a, b]
  const data = inputs.map(({ shape, dtype }, i) =>
    device.upload(
      Float32Array.from({ length: shape[0]! * shape[1]! }, (_, j) => Math.sin(i + 0.7 * j)),
      { shape, dtype },
    ),
  )
  const read: number[] = []
  for (const factor of [1, 2]) {
    const c = p.mul(p.dot(a, b), p.fill([m, 24], 'f32', factor))
    const { run } = device.compile({ inputs, outputs: [c], donated: [false, false] })
    const values = await device.download(run(data)[0]!)()
    if (E.isRight(values)) read.push(...values.right)
  }
  return read
}
const once = async (
  kind: Kind,
  tune?: boolean,
  m?: number,
): Promise<{ values: readonly number[]; measured: number }> => {
  const device = await open(kind, tune)
  const values = await product(device, m)
  const measured = device.measured()
  await device.destroy()
  return { values, measured }
}
const winners = (): readonly string[] =>
  existsSync(cache) ? readdirSync(cache).filter((name) => name.endsWith('.json')) : []

const kinds = (['wasm', 'native'] as const).filter((kind) => inject('devices').includes(kind))
describe.each(kinds)('the tuner of %s', (kind) => {
  it('measures a kind of product once, keeps what it found, and changes no bit', { timeout: 60_000 }, async () => {
    const plain = await once(kind, false)
    const before = winners()
    const tuned = await once(kind, true)
    expect(tuned).toEqual({ values: plain.values, measured: 1 }) // two programs, one kind
    expect(winners()).toHaveLength(before.length + 1)
    expect(await once(kind, true)).toEqual({ values: plain.values, measured: 0 })
    expect((await once(kind, true, 18)).measured).toBe(0) // a product of the same kind
    expect((await once(kind, true, 60)).measured).toBe(1)
  })

  it('measures and reads nothing where it is off, which it is unless asked for', { timeout: 60_000 }, async () => {
    await once(kind, true)
    const kept = winners()
    const times = kept.map((name) => readFileSync(join(cache, name), 'utf8'))
    for (const tune of [false, undefined]) {
      expect((await once(kind, tune)).measured).toBe(0)
    }
    vi.stubEnv('ADJOINT_TUNE', 'off')
    expect((await once(kind)).measured).toBe(0)
    expect(winners().map((name) => readFileSync(join(cache, name), 'utf8'))).toEqual(times)
    vi.stubEnv('ADJOINT_TUNE', 'on')
    expect((await once(kind, undefined, 70)).measured).toBe(1)
    expect((await once(kind, false, 80)).measured).toBe(0) // the call's word counts
  })

  it('gives its memory back', { timeout: 60_000 }, async () => {
    const device = await open(kind, true)
    const live = device.stats().liveBytes
    const inputs = [p.parameter({ shape: [20, 40], dtype: 'f32' }), p.parameter({ shape: [40, 24], dtype: 'f32' })]
    device.compile({ inputs, outputs: [p.dot(inputs[0]!, inputs[1]!)], donated: [false, false] })
    expect(device.measured()).toBe(1)
    expect(device.stats().liveBytes).toBe(live)
    await device.destroy()
  })
})

describe('what was measured, on disk', () => {
  const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)
  it.each([
    ['cut short', (text: string) => text.slice(0, 5), false],
    ['empty', () => '', false],
    ['whole, and no JSON', () => 'a letter', true],
    ['whole, and names no candidate', () => JSON.stringify({ winner: 'the best of all' }), true],
    ['whole, and something else', () => 'null', true],
  ])('is measured again where it is %s', async (_, spoil, renamed) => {
    const { values } = await once('wasm', true)
    const [name] = winners()
    const text = spoil(readFileSync(join(cache, name!), 'utf8'))
    rmSync(join(cache, name!))
    writeFileSync(join(cache, renamed ? `${name!.split('-')[0]!}-${hashOf(text)}.json` : name!), text)
    expect(await once('wasm', true)).toEqual({ values, measured: 1 })
    expect(winners().map((n) => n.split('-')[0])).toEqual([name!.split('-')[0]]) // of this winner, or of one as good
    expect(await once('wasm', true)).toEqual({ values, measured: 0 })
  })

  it('needs no folder that can be written to, and says so once', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    vi.stubEnv('ADJOINT_CACHE', join(file, 'cache'))
    vi.stubEnv('TMPDIR', join(file, 'tmp'))
    const told = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const device = await open('wasm', true)
    await product(device)
    await product(device, 60)
    expect(device.measured()).toBe(2)
    await device.destroy()
    expect(told.mock.calls.map(([message]) => String(message))).toEqual([
      expect.stringMatching(/cannot be kept .*ADJOINT_CACHE/),
    ])
  })

  it('is of a machine, a product and the code of its candidates; two processes at once leave one that is whole', () => {
    const disk = findDisk()!
    const contest: Contest = { key: 'a product', names: ['x', 'y'], code: ['1', '2'] }
    const [mine, yours] = [0, 1].map(() => winnersIn(disk, openStore(disk), 'a machine'))
    expect(mine!.recall(contest)).toBeNull()
    for (let round = 0; round < 20; round++) {
      mine!.remember(contest, 'x')
      yours!.remember(contest, 'y')
      expect(['x', 'y']).toContain(mine!.recall(contest))
      expect(['x', 'y']).toContain(yours!.recall(contest))
    }
    expect(winners().every((name) => name.includes(hashOf(readFileSync(join(cache, name), 'utf8'))))).toBe(true)
    expect(winnersIn(disk, openStore(disk), 'another').recall(contest)).toBeNull()
    for (const other of [{ key: 'another' }, { names: ['x', 'z'] }, { code: ['1', '3'] }])
      expect(mine!.recall({ ...contest, ...other })).toBeNull()
  })
})

describe('ADJOINT_TUNE', () => {
  it('takes on or off, and says so', async () => {
    vi.stubEnv('ADJOINT_TUNE', 'yes')
    expect(() => wasmDevice()).toThrow(/ADJOINT_TUNE is 'yes'; it takes on or off/)
    expect(await nativeDevice()()).toMatchObject({
      left: { _tag: 'NoDevice', message: "no native device: ADJOINT_TUNE is 'yes'; it takes on or off" },
    })
    expect(() => wasmDevice({ tune: 'on' as never })).toThrow(/tune is .*on.*; it takes true or false/)
  })
})
