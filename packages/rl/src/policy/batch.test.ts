import { readAsync } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { encodeDemonstrations, encodePrompts } from './batch.ts'
import { vocabulary } from '../task/vocabulary.ts'

const v = vocabulary('0123456789+=')
const id = (token: string): number => v.tokens.indexOf(token)
const right = <A>(e: E.Either<unknown, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

describe('prompts', () => {
  test('of one length are not padded', async () => {
    const { prompts, width } = right(encodePrompts(v)(['1+2=', '3+4=']))
    expect(width).toBe(5)
    expect(prompts.starts).toBeUndefined()
    expect(Array.from(await readAsync(prompts.tokens)).slice(0, 5)).toEqual(['<bos>', '1', '+', '2', '='].map(id))
  })

  test('of different lengths end at the last column', async () => {
    const { prompts } = right(encodePrompts(v, 6)(['1+2=', '13+4=']))
    expect(Array.from(await readAsync(prompts.starts!))).toEqual([1, 0])
    expect(Array.from(await readAsync(prompts.tokens)).slice(0, 6)).toEqual(
      ['<pad>', '<bos>', '1', '+', '2', '='].map(id),
    )
  })

  test('are as many as a set has: a spread of 200 000 lengths would overflow the stack', () => {
    const { width, starts } = right(encodePrompts(v)([...Array<string>(200_000).fill('1'), '1+2=']))
    expect([width, starts?.[0], starts?.at(-1)]).toEqual([5, 3, 0])
  })

  test('that cannot be are errors', () => {
    expect(encodePrompts(v)([])).toEqual(E.left({ _tag: 'EmptyDataset', name: 'the batch of prompts' }))
    expect(encodePrompts(v)(['1-2='])).toEqual(E.left({ _tag: 'UnknownToken', text: '1-2=', position: 1 }))
    expect(encodePrompts(v, 4)(['1+2='])).toEqual(E.left({ _tag: 'SequenceTooLong', length: 5, context: 4 }))
  })
})

describe('demonstrations', () => {
  test('are learned from the first token of the completion to the end of the sequence', () => {
    const { tokens, mask, shape } = right(
      encodeDemonstrations(
        v,
        10,
      )([
        { prompt: '1+2=', completion: '3' },
        { prompt: '5=', completion: '<think>12' },
      ]),
    )
    expect(shape).toEqual([2, 10])
    const names = Array.from(tokens, (t) => v.tokens[t])
    expect(names.slice(0, 10)).toEqual(['<bos>', '1', '+', '2', '=', '3', '<eos>', '<pad>', '<pad>', '<pad>'])
    expect(Array.from(mask.subarray(0, 10))).toEqual([0, 0, 0, 0, 0, 1, 1, 0, 0, 0])
    expect(names.slice(10, 17)).toEqual(['<bos>', '5', '=', '<think>', '1', '2', '<eos>'])
    expect(Array.from(mask.subarray(10))).toEqual([0, 0, 0, 1, 1, 1, 1, 0, 0, 0])
  })

  test('that cannot be are errors', () => {
    expect(encodeDemonstrations(v, 4)([])).toMatchObject({ left: { _tag: 'EmptyDataset' } })
    expect(encodeDemonstrations(v, 6)([{ prompt: '1+2=', completion: '3' }])).toEqual(
      E.left({ _tag: 'SequenceTooLong', length: 7, context: 6 }),
    )
    expect(encodeDemonstrations(v, 9)([{ prompt: '1', completion: 'x' }])).toMatchObject({
      left: { _tag: 'UnknownToken', position: 0 },
    })
  })
})
