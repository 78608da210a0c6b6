import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
import { orThrow, type RlError, RlFailure } from './or-throw.ts'

describe('orThrow', () => {
  test('gives what a task comes to', async () => {
    await expect(orThrow(TE.right(3))).resolves.toBe(3)
  })

  test.each<[RlError, string]>([
    [{ _tag: 'EmptyDataset', name: 'the log' }, 'the log is empty'],
    [{ stage: '2-rl', error: { _tag: 'EmptyDataset', name: 'the log' } }, '2-rl: the log is empty'],
    [{ stage: '2-rl', error: { _tag: 'OtherStart', folder: 'a' } }, '2-rl: a began from other'],
    [{ _tag: 'Aborted' }, 'abort'],
    [{ _tag: 'NotACache', path: 'a.jsonl', line: 2, reason: 'no JSON' }, 'a.jsonl'],
  ])('throws %o with the sentence that says so, and itself', async (error, sentence) => {
    const thrown = await orThrow(TE.left(error)).catch((failure: unknown) => failure)
    expect(thrown).toBeInstanceOf(RlFailure)
    expect(thrown).toMatchObject({ name: 'RlFailure', error, message: expect.stringContaining(sentence) as string })
  })

  test('what a task throws is no failure of the world, and stays what it is', async () => {
    const mistake = new RangeError('steps is -1')
    await expect(orThrow(() => Promise.reject(mistake))).rejects.toBe(mistake)
  })
})
