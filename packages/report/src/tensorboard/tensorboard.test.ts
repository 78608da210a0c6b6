import { BinaryReader } from '@bufbuild/protobuf/wire'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '@adjoint/rl'
import { add, scalar, type Scalar } from '@adjoint/tensor'
import { isRight } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PACKAGED } from '../flags.ts'
import { report } from '../main.ts'
import { writeRun } from '../made-up.ts'
import { crc32c, masked } from './crc32c.ts'
import { eventBytes, recordsOf, tfRecord } from './events.ts'
import { folderName } from './scalars.ts'
import { tensorBoard } from './sink.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'adjoint-tensorboard-'))
})
afterAll(() => rm(root, { recursive: true }))

/** The data of TFRecords, each checked against its checksums. */
const dataOf = (file: Uint8Array): readonly Uint8Array[] => {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const found: Uint8Array[] = []
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true))
    if (view.getUint32(at + 8, true) !== masked(crc32c(file.subarray(at, at + 8)))) throw new Error(`length at ${at}`)
    const data = file.subarray(at + 12, at + 12 + length)
    if (view.getUint32(at + 12 + length, true) !== masked(crc32c(data))) throw new Error(`data at ${at}`)
    found.push(data)
    at += 16 + length
  }
  return found
}

interface Read {
  time: number
  step: number
  version: string | null
  restarts: boolean
  scalars: [string, number][]
}
/** An event, read by the library that did not write it: field by field. */
const eventIn = (data: Uint8Array): Read => {
  const event: Read = { time: NaN, step: NaN, version: null, restarts: false, scalars: [] }
  const reader = new BinaryReader(data)
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag()
    if (field === 1) event.time = reader.double()
    else if (field === 2) event.step = Number(reader.int64())
    else if (field === 3) event.version = reader.string()
    else if (field === 7) event.restarts = reader.bytes()[1] === 1
    else if (field === 5) {
      const summary = new BinaryReader(reader.bytes())
      while (summary.pos < summary.len) {
        summary.tag()
        const value = new BinaryReader(summary.bytes())
        value.tag()
        const tag = value.string()
        value.tag()
        event.scalars.push([tag, value.float()])
      }
    } else reader.skip(wire)
  }
  return event
}
const eventsAt = async (folder: string): Promise<readonly Read[]> => {
  const files = (await readdir(folder)).sort()
  const all = await Promise.all(files.map((file) => readFile(join(folder, file))))
  return all.flatMap((file) => dataOf(new Uint8Array(file)).map(eventIn))
}

describe('event files', () => {
  test('have the checksums of RFC 3720, and of a file that TensorFlow wrote', () => {
    const of = (bytes: Iterable<number>): number => crc32c(Uint8Array.from(bytes))
    expect(of(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
    expect(of(new Array<number>(32).fill(0))).toBe(0x8a9136aa)
    expect(of(new Array<number>(32).fill(0xff))).toBe(0x62a8ab43)
    expect(of(Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
    expect(of([])).toBe(0)
    // The length of the first record of every event file, 24 bytes: `18 00 00 00 00 00 00 00` and `a3 7f 4b 22`.
    expect(masked(of([24, 0, 0, 0, 0, 0, 0, 0]))).toBe(0x224b7fa3)
  })

  test('hold what was written, whatever its tags and numbers', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true }),
        fc.nat(2 ** 31),
        fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.float({ noNaN: true }))),
        (time, step, scalars) => {
          const [data] = dataOf(recordsOf([{ time, step, scalars }]))
          expect(eventIn(data!)).toEqual({ time, step, version: null, restarts: false, scalars })
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })

  test('are refused where a byte is another', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (data, at, by) => {
          const record = tfRecord(data)
          const place = 8 + (at % (record.length - 8))
          record[place]! ^= by
          expect(() => dataOf(record)).toThrow()
        },
      ),
      { seed: 2, numRuns: 200 },
    )
    expect(eventBytes({ time: 0, step: 0, version: 'brain.Event:2' })).toHaveLength(26)
  })

  test('of a run hold its curves phase by phase, and are written again over themselves', async () => {
    const folder = await writeRun(join(root, 'made-up'), { seed: 0, steps: 4 })
    const out = join(root, 'events')
    const heard = { out: '', err: '' }
    const terminal = { out: (t: string) => void (heard.out += t), err: (t: string) => void (heard.err += t) }
    for (let again = 0; again < 2; again++)
      expect(await report(PACKAGED, [folder, '--tensorboard', out], terminal, AbortSignal.abort())).toBe(0)
    expect(heard.err).toBe('')
    expect(heard.out).toContain('2 phases of 1 run')
    const [first, ...events] = await eventsAt(join(out, 'made-up', 'grpo'))
    expect(first!.version).toBe('brain.Event:2')
    const of = (tag: string) =>
      events.flatMap(({ step, scalars }) => scalars.filter(([t]) => t === tag).map(([, y]) => [step, y]))
    expect(of('reward')).toEqual([0, 1, 2, 3].map((i) => [i, Math.fround(i / 4)]))
    // The absent one has no event.
    expect(of('kl').map(([step]) => step)).toEqual([0, 1, 2])
    expect(of('evaluation/passAt1')).toEqual([
      [0, 0.5],
      [4, Math.fround(0.9)],
    ])
    expect(of('times/total')).toHaveLength(4)
    expect(events.every(({ time }, i) => i === 0 || time >= events[i - 1]!.time)).toBe(true)
  })

  test('of a run that goes on: a sink writes them, and takes back what it was told too early', async () => {
    const folder = join(root, 'run')
    const count = (fails: number) => ({
      name: 'count',
      steps: 4,
      enter: (x: Scalar) => x,
      advance: (x: Scalar, { step }: { readonly step: number }) =>
        step === fails
          ? TE.left({ _tag: 'EmptyDataset' as const, name: 'cut' })
          : TE.right({ state: add(x, 1), metrics: { done: step } }),
    })
    const go = (fails: number, resume: boolean) =>
      run({
        ...{ folder, seed: 0, phases: [count(fails)], checkpointEvery: 2, settings: {} },
        sinks: [tensorBoard(join(folder, 'board'))],
      })(scalar(0), { resume })()
    expect(isRight(await go(3, false))).toBe(false)
    expect(isRight(await go(-1, true))).toBe(true)
    const events = await eventsAt(join(folder, 'board', 'count'))
    expect(events.filter(({ restarts }) => restarts).map(({ step }) => step)).toEqual([2])
    const done = events.flatMap(({ step, scalars }) => scalars.filter(([tag]) => tag === 'done').map(() => step))
    expect(done).toEqual([0, 1, 2, 2, 3])
  })

  test('lie in the folder that was asked for, whatever runs and phases are called', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('../..', '/etc', 'a/../b', '..\\x')), (name) => {
        expect(join('/out', folderName(name)).startsWith('/out')).toBe(true)
        expect(folderName(name).split('/')).not.toContain('..')
      }),
      { seed: 3, numRuns: 300 },
    )
  })
})
