import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TAGS } from '../task/vocabulary.ts'
import { formatCompletion, lastAnswer, parseCompletion, thought, wholeCompletion } from './template.ts'
import { format } from '../reward/rules.ts'

const plain = fc.string({ unit: fc.constantFrom(...Array.from('0123 +-=<>/')) })
const chain = fc.record({ think: plain, answer: plain })

describe('the chain-of-thought template', () => {
  test('parse after format is the identity', () => {
    fc.assert(
      fc.property(chain, (c) => {
        expect(parseCompletion(formatCompletion(c))).toEqual(E.right(c))
        expect(lastAnswer(formatCompletion(c))).toBe(c.answer)
        expect(thought(formatCompletion(c))).toBe(c.think)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('a text parses iff it has each tag once, in order, with blanks at most between the blocks', () => {
    const pieces = fc.array(fc.constantFrom(...TAGS, '1', ' ', '2'), { maxLength: 9 })
    fc.assert(
      fc.property(pieces, (ps) => {
        const text = ps.join('')
        const shape = ps
          .filter((p) => p !== ' ')
          .join('')
          .replaceAll(/[12]/g, 'x')
          .replaceAll(/x+/g, 'x')
        const good = /^<think>x?<\/think><answer>x?<\/answer>$/.test(shape)
        return E.isRight(parseCompletion(text)) === good
      }),
      { seed: 1, numRuns: 3000 },
    )
  })

  test('errors name the rule', () => {
    const tagOf = (text: string): string => {
      const parsed = parseCompletion(text)
      return E.isLeft(parsed) ? parsed.left._tag : 'none'
    }
    expect(tagOf('<think>1</think>')).toBe('MissingTag')
    expect(tagOf('<think><think></think><answer>1</answer>')).toBe('RepeatedTag')
    expect(tagOf('<answer>1</answer><think>1</think>')).toBe('TagOrder')
    expect(tagOf('<think>1</think>2<answer>1</answer>')).toBe('TextOutside')
    expect(tagOf('<think>1</think>\n <answer>1</answer> ')).toBe('none')
  })

  test('the last answer is read whatever is around it', () => {
    expect(lastAnswer('<answer>1</answer> no, <answer>2</answer>')).toBe('2')
    expect(lastAnswer('<answer>1')).toBeNull()
    expect(lastAnswer('1</answer>')).toBeNull()
  })

  test('the thought is read as far as it goes', () => {
    for (const [text, read] of [
      ['<think>12', '12'],
      ['so <think>12</think>3', '12'],
      ['<think>12<answer>2</answer>', '12'],
      ['<think>12</think>3</think>', '12'],
      ['<think>1<think>2</think>', '1<think>2'],
      ['</think><answer>2</answer><think>3', '3'],
      ['12</think>', ''],
      ['<answer>2</answer>', ''],
    ] as const)
      expect(thought(text), text).toBe(read)
  })

  test('a completion is the same, whatever of it the prompt has opened', () => {
    const blank = fc.string({ unit: fc.constantFrom(' ', '\n'), maxLength: 3 })
    fc.assert(
      fc.property(chain, plain, blank, (c, question, space) => {
        const text = formatCompletion(c)
        for (const opened of [0, TAGS[0].length]) {
          const sample = {
            prompt: question + text.slice(0, opened) + (opened > 0 ? space : ''),
            completion: text.slice(opened),
          }
          const whole = wholeCompletion(sample)
          const think = opened > 0 ? space + c.think : c.think
          expect(parseCompletion(whole)).toEqual(E.right({ ...c, think }))
          expect(thought(whole)).toBe(think)
          expect(lastAnswer(whole)).toBe(c.answer)
          expect(format({ ...sample, problem: null, length: 1, terminated: true })).toBe(1)
        }
        // A block that the prompt opened is neither opened twice nor optional.
        const said = (prompt: string, completion: string): number =>
          format({ prompt, completion, problem: null, length: 1, terminated: true })
        expect(said(`${question}<think>${space}`, text)).toBe(0)
        expect(said(question, text.slice(TAGS[0].length))).toBe(0)
        expect(said(`${question}<think> and </think> are tags.`, text.slice(TAGS[0].length))).toBe(0)
        expect(said(`${question}<think>${space}</think>${space}`, `<answer>${c.answer}</answer>`)).toBe(1)
        expect(said(`${question}<think></think><answer>`, `${c.answer}</answer>`)).toBe(1)
      }),
      { seed: 1, numRuns: 200 },
    )
  })
})
