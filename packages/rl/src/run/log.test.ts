import { existsSync } from 'node:fs'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeError } from './errors.ts'
import { createLog, type LogRecord, openLog, readLog, resumeLog } from './log.ts'

let folder = ''
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adjoint-log-'))
})
afterAll(async () => rm(folder, { recursive: true }))
const fresh = (): string => join(folder, `${files++}.jsonl`)

const right = async <A>(task: TE.TaskEither<unknown, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  return result.right
}
const left = async <E_, A>(task: TE.TaskEither<E_, A>): Promise<E_> => {
  const result = await task()
  if (E.isRight(result)) throw new Error('expected a failure')
  return result.left
}
const written = async (path: string, lines: readonly LogRecord[]): Promise<void> => {
  const log = await right(createLog(path))
  await right(log.append(lines))
  await right(log.close)
}
const records = (n: number): readonly LogRecord[] =>
  Array.from({ length: n }, (_, step) => ({ kind: 'step', phase: 'grpo', step, loss: Math.sin(step), text: 'é\n"' }))

describe('the log of a run', () => {
  test('killed anywhere and resumed from any checkpoint before, it has the bytes of an uninterrupted one', async () => {
    const total = 12
    const whole = fresh()
    await written(whole, records(total))
    const expected = await readFile(whole)
    const kill = fc.nat({ max: expected.length }).chain((bytes) => {
      const lines = expected.subarray(0, bytes).toString('latin1').split('\n').length - 1
      return fc.record({ bytes: fc.constant(bytes), checkpoint: fc.nat({ max: lines }) })
    })
    await fc.assert(
      fc.asyncProperty(kill, async ({ bytes, checkpoint }) => {
        const path = fresh()
        await writeFile(path, expected.subarray(0, bytes))
        const resumed = await right(resumeLog(path, checkpoint))
        expect(resumed.lines()).toBe(checkpoint)
        await right(resumed.append(records(total).slice(checkpoint)))
        await right(resumed.sync)
        await right(resumed.close)
        expect(await readFile(path)).toEqual(expected)
        expect(await right(readLog(path))).toEqual(records(total))
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('is never overwritten', async () => {
    const path = fresh()
    await written(path, records(1))
    const error = await left(createLog(path))
    expect(error).toMatchObject({ _tag: 'FileFailure', code: 'EEXIST' })
    expect(await right(readLog(path))).toHaveLength(1)
  })

  test('shorter than its checkpoint says, it is refused and left as it is', async () => {
    const path = fresh()
    await written(path, records(3))
    const error = await left(resumeLog(path, 4))
    expect(describeError(error)).toContain('it has 3 lines, and the checkpoint was made after 4')
    expect(await right(readLog(path))).toHaveLength(3)
  })

  test('a line that is no record is named', async () => {
    const path = fresh()
    await writeFile(path, '{"kind":"step","phase":"sft","step":0}\n{"kind":3}\n')
    expect(await left(readLog(path))).toMatchObject({
      _tag: 'CorruptCheckpoint',
      reason: 'line 2 is no record of a log',
    })
    await appendFile(path, 'garbage\n')
    expect(await left(readLog(path))).toMatchObject({ reason: 'line 2 is no record of a log' })
  })

  test.skipIf(!existsSync('/dev/full'))('a full disk is an error that names the file (needs /dev/full)', async () => {
    const log = await right(openLog('/dev/full', 'a', 0))
    expect(await left(log.append(records(1)))).toMatchObject({ _tag: 'FileFailure', code: 'ENOSPC', path: '/dev/full' })
    expect(log.lines()).toBe(0)
    await right(log.close)
  })
})
