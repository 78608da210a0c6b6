import { readCommand } from '@adjoint/report/command-line'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, test } from 'vitest'
import { commandOf } from '../cli/example.ts'
import { flags } from './flags.ts'

const parseFlags = (args: readonly string[]) =>
  pipe(
    readCommand(commandOf('r1-mini', '', flags))(args),
    E.map(({ flags: given }) => given),
  )

describe('flags of r1-mini', () => {
  test('have defaults', () => {
    expect(parseFlags([])).toEqual(
      E.right({
        help: false,
        seed: 0,
        device: null,
        steps: 100,
        sftSteps: 2000,
        exam: 256,
        micro: 1,
        dtype: null,
        out: null,
        resume: false,
        control: null,
        json: false,
      }),
    )
  })

  test('are read', () => {
    const args =
      '--seed 3 --device wasm --steps 5 --sft-steps 7 --exam 9 --micro 4 --dtype bf16 --out d --resume --control random --json'.split(
        ' ',
      )
    expect(parseFlags(args)).toEqual(
      E.right({
        help: false,
        seed: 3,
        device: 'wasm',
        steps: 5,
        sftSteps: 7,
        exam: 9,
        micro: 4,
        dtype: 'bf16',
        out: 'd',
        resume: true,
        control: 'random',
        json: true,
      }),
    )
  })

  test.each([
    ['--seed', '-1'],
    ['--seed', 'x'],
    ['--steps', '1.5'],
    ['--exam', '0'],
    ['--out', ''],
    ['--device', 'gpu'],
    ['--dtype', 'f64'],
    ['--control', 'none'],
    ['--resume'],
    ['--nonsense'],
    ['stray'],
    ['--seed'],
  ])('refuse %s %s', (...args) => {
    expect(E.isLeft(parseFlags(args))).toBe(true)
  })
})
