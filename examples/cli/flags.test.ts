import { readCommand } from '@adjoint/report/command-line'
import * as E from 'fp-ts/lib/Either.js'
import { expect, test } from 'vitest'
import { commandOf } from './example.ts'
import { common } from './flags.ts'

const read = readCommand(commandOf('r1', 'About it.', common))

test('the flags that every example has', () => {
  expect(read('--device cpu --seed 3 --out d --resume --json'.split(' '))).toEqual(
    E.right({ flags: { seed: 3, device: 'cpu', out: 'd', resume: true, json: true, help: false }, words: [] }),
  )
})

test('--resume without a folder says what it needs', () => {
  expect(read(['--resume'])).toMatchObject({
    left: { code: 2, text: expect.stringMatching(/^r1: --resume needs --out DIR/) as string },
  })
})
