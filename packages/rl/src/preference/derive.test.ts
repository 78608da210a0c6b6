import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Sample } from '../reward/sample.ts'
import { addition } from '../task/addition.ts'
import { type Chain, chainSteps, mod10Chain, mod10Chains } from '../task/chain.ts'
import { countdown } from '../task/countdown.ts'
import { foldIn, type HostKey, hostKey } from '../run/keys.ts'
import { problem, problems, type Task } from '../task/task.ts'
import { lastAnswer, parseCompletion } from '../policy/template.ts'
import { type Corruption, preferencePairs, slip, wrongAnswer, wrongFormat, wrongStep } from './derive.ts'
import { encodePairs, pairsFromSamples, type PreferencePair } from './pair.ts'

const key = fc.nat().map(hostKey)
const corruptions = [wrongAnswer, wrongStep, wrongFormat, slip]
const parsed = (text: string) => E.getOrElse(() => ({ think: '?', answer: '?' }))(parseCompletion(text))
/** What holds of the corruption of every trace, for many keys. */
const corrupted = <P>(
  task: Task<P>,
  corrupt: Corruption<P>,
  holds: (p: P, spoiled: string, trace: { readonly think: string; readonly answer: string }) => void,
): void => {
  fc.assert(
    fc.property(key, (k) => {
      const p = task.generate(k)
      const trace = task.trace(p)
      const spoiled = corrupt(p, trace, foldIn(k, 1), task)
      expect(corrupt(p, trace, foldIn(k, 1), task)).toBe(spoiled)
      expect(spoiled).not.toBeNull()
      holds(p, spoiled!, trace)
    }),
    { seed: 1, numRuns: 150 },
  )
}
const differing = (x: string, y: string): number => Array.from(x).filter((c, i) => c !== y[i]).length

describe.each<readonly [string, Task<never>]>([
  ['chains', mod10Chain as unknown as Task<never>],
  ['addition', addition(3) as unknown as Task<never>],
  ['countdown', countdown() as unknown as Task<never>],
])('corruptions of %s', (_, task) => {
  test('a wrong answer is wrong to the verifier, after a right chain of thought', () => {
    corrupted(task, wrongAnswer, (p, spoiled, trace) => {
      const { think, answer } = parsed(spoiled)
      expect(think).toBe(trace.think)
      expect(answer).toHaveLength(trace.answer.length)
      expect(task.verify(p)(answer)).toBe(false)
    })
  })

  test('a wrong step is one other digit before a right answer', () => {
    corrupted(task, wrongStep, (_p, spoiled, trace) => {
      const { think, answer } = parsed(spoiled)
      expect(answer).toBe(trace.answer)
      expect(think).toHaveLength(trace.think.length)
      expect(differing(think, trace.think)).toBe(1)
    })
  })

  test('a wrong format is not the template', () => {
    corrupted(task, wrongFormat, (_p, spoiled) => expect(E.isLeft(parseCompletion(spoiled))).toBe(true))
  })
})

test('a wrong answer is no other right one, and null where all are right', () => {
  // Right is what has the parity of the last step.
  const parity = (p: Chain) => (answer: string) => (Number(answer) - chainSteps(p).at(-1)!) % 2 === 0
  const even: Task<Chain> = { ...mod10Chain, verify: parity }
  corrupted(even, wrongAnswer, (p, spoiled) => expect(parity(p)(parsed(spoiled).answer)).toBe(false))
  const p = mod10Chain.generate(hostKey(0))
  const easy: Task<Chain> = { ...mod10Chain, verify: () => () => true }
  expect(wrongAnswer(p, mod10Chain.trace(p), hostKey(1), easy)).toBeNull()
  expect(wrongAnswer(p, { think: '', answer: '' }, hostKey(1), easy)).toBeNull()
})

describe('a slip', () => {
  test('goes wrong once, is right from there on, and ends in a wrong answer', () => {
    corrupted(mod10Chain, slip, (p, spoiled) => {
      const { think, answer } = parsed(spoiled)
      const [said, steps] = [Array.from(think, Number), chainSteps(p)]
      expect(said).toHaveLength(4)
      expect(answer).toBe(String(said.at(-1)))
      expect(answer).not.toBe(String(steps.at(-1)))
      const first = said.findIndex((v, i) => v !== steps[i])
      for (let i = first + 1; i < 4; i++) {
        const [after] = chainSteps({ digits: [said[i - 1]!, p.digits[i + 1]!], operators: [p.operators[i]!] })
        expect(said[i]).toBe(after)
      }
    })
  })

  test('is not to be had of a direct answer, nor where every error is healed', () => {
    const p = { digits: [3, 8, 0], operators: ['+', '*'] } as const
    expect(slip(p, { think: '', answer: '0' }, hostKey(0))).toBeNull()
    // Only the last step can go wrong here.
    for (let i = 0; i < 20; i++)
      expect(slip(p, mod10Chains(3).trace(p), hostKey(i))).toMatch(/^<think>1([1-9])<\/think><answer>\1<\/answer>$/)
  })
})

describe('pairs of a task', () => {
  const derive = (rows: number, split: 'train' | 'heldOut', k: HostKey): readonly PreferencePair[] =>
    preferencePairs(mod10Chain, { rows, split, thinkShare: 0.5, corruptions })(k)

  test('follow from the key, row by row; what is chosen is right and what is rejected is worse', () => {
    fc.assert(
      fc.property(key, fc.integer({ min: 1, max: 6 }), (k, rows) => {
        const pairs = derive(rows, 'train', k)
        expect(pairs).toHaveLength(rows)
        expect(derive(rows + 1, 'train', k).slice(0, rows)).toEqual(pairs)
        pairs.forEach(({ prompt, chosen, rejected }, row) => {
          const p = problem(mod10Chain, 'train')(foldIn(foldIn(k, row), 0))
          expect(prompt).toBe(mod10Chain.prompt(p))
          expect(mod10Chain.verify(p)(lastAnswer(chosen)!)).toBe(true)
          const whole = E.isRight(parseCompletion(rejected)) && mod10Chain.verify(p)(lastAnswer(rejected)!)
          if (whole) expect(parsed(rejected).think).not.toBe(parsed(chosen).think)
          else expect(rejected).not.toBe(chosen)
        })
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('of the two splits share no prompt, whatever the keys', () => {
    const small = mod10Chains(2)
    const prompts = (split: 'train' | 'heldOut', k: number): readonly string[] =>
      preferencePairs(small, { rows: 300, split, corruptions })(hostKey(k)).map(({ prompt }) => prompt)
    const trained = new Set([...prompts('train', 1), ...prompts('train', 2)])
    expect(prompts('heldOut', 1).filter((prompt) => trained.has(prompt))).toEqual([])
    expect(new Set(prompts('heldOut', 1)).size).toBeGreaterThan(5)
  })

  test('a share of them thinks; corruptions are drawn evenly where all apply', () => {
    const thinking = derive(400, 'train', hostKey(1)).filter(({ chosen }) => parsed(chosen).think !== '').length
    expect(thinking / 400).toBeGreaterThan(0.42)
    expect(thinking / 400).toBeLessThan(0.58)
    const all = preferencePairs(mod10Chain, { rows: 400, split: 'train', corruptions })(hostKey(1))
    expect(all.every(({ chosen }) => parsed(chosen).think !== '')).toBe(true)
    const malformed = all.filter(({ rejected }) => E.isLeft(parseCompletion(rejected))).length
    expect(malformed / 400).toBeGreaterThan(0.19)
    expect(malformed / 400).toBeLessThan(0.31)
  })

  test('that cannot be are an error that says what to do', () => {
    const none = preferencePairs(mod10Chain, { rows: 1, split: 'train', thinkShare: 0, corruptions: [wrongStep, slip] })
    expect(() => none(hostKey(0))).toThrow(/none of 2 corruptions applies to <think><\/think>.*wrongFormat/)
    const rescued = preferencePairs(mod10Chain, { rows: 20, split: 'train', thinkShare: 0, corruptions })(hostKey(0))
    expect(rescued).toHaveLength(20)
  })
})

describe('pairs as tokens', () => {
  const pair = { prompt: '3+8=', chosen: '<answer>1</answer>', rejected: '7' }
  const right = <A>(e: E.Either<unknown, A>): A => {
    if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
    return e.right
  }
  const v = mod10Chain.vocabulary

  test('have the chosen above the rejected, each ended where its ends say', () => {
    const other = { prompt: '1*1=', chosen: '1', rejected: '' }
    const { tokens, mask, ends, shape, margins } = right(encodePairs(v, 10)([pair, other]))
    expect(shape).toEqual([4, 10])
    expect(margins).toBeNull()
    const text = (row: number): string => v.decode(tokens.subarray(row * 10, (row + 1) * 10))
    expect([0, 1, 2, 3].map(text)).toEqual(['3+8=<answer>1</answer>', '1*1=1', '3+8=7', '1*1='])
    expect(Array.from(ends)).toEqual([8, 6, 6, 5])
    ends.forEach((end, row) => expect(tokens[row * 10 + end]).toBe(v.eos[0]))
    expect(Array.from(mask.subarray(20, 30))).toEqual([0, 0, 0, 0, 0, 1, 1, 0, 0, 0])
  })

  test('keep their margins, 0 where only others have one', () => {
    expect(right(encodePairs(v, 10)([{ ...pair, margin: 0.5 }, pair])).margins).toEqual(Float32Array.of(0.5, 0))
  })

  test('that cannot be are errors', () => {
    expect(encodePairs(v, 10)([])).toEqual(E.left({ _tag: 'EmptyDataset', name: 'the set of preference pairs' }))
    expect(encodePairs(v, 8)([pair])).toEqual(E.left({ _tag: 'SequenceTooLong', length: 9, context: 8 }))
    expect(encodePairs(v, 10)([{ ...pair, rejected: 'x' }])).toMatchObject({ left: { _tag: 'UnknownToken' } })
  })
})

describe('pairs of samples', () => {
  const [p] = problems(mod10Chain, 'train', { count: 1 })(hostKey(0))
  const say = (completion: string, terminated = true): Sample<unknown> => ({
    problem: p,
    prompt: '1+1=',
    completion,
    length: 2,
    terminated,
  })

  test('are the best against the worst of each group that has both', () => {
    const samples = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((c) => say(c))
    const pairs = pairsFromSamples({ group: 3 })(samples, [0, 1, 1, 2, 2, 2, NaN, -1, 0.5])
    expect(pairs).toEqual([
      { prompt: '1+1=', chosen: 'b', rejected: 'a' },
      { prompt: '1+1=', chosen: 'i', rejected: 'h' },
    ])
  })

  test('are as many of a group as asked for, from both ends inwards, while one is better', () => {
    const samples = ['a', 'b', 'c', 'd', 'e', 'f'].map((c) => say(c))
    const of = (pairs: number, rewards: readonly number[]): readonly string[] =>
      pairsFromSamples({ group: 6, pairs })(samples, rewards).map(({ chosen, rejected }) => chosen + rejected)
    expect(of(2, [3, 0, 1, 1, 0, 3])).toEqual(['ab', 'fe'])
    expect(of(9, [3, 0, 1, 1, 0, 3])).toEqual(['ab', 'fe'])
    expect(of(9, [3, 0, 2, 1, 0, 3])).toEqual(['ab', 'fe', 'cd'])
    expect(of(9, [1, 0, 0, 0, 0, 0])).toEqual(['ab'])
    expect(of(0, [1, 0, 0, 0, 0, 0])).toEqual([])
  })

  test('leave out what was cut, and groups of which nothing is left', () => {
    const cut = [say('a', false), say('b'), say('c')]
    expect(pairsFromSamples({ group: 3 })(cut, [9, 1, 0])).toEqual([{ prompt: '1+1=', chosen: 'b', rejected: 'c' }])
    expect(pairsFromSamples({ group: 3 })(cut, [9, NaN, 0])).toEqual([])
    expect(pairsFromSamples({ group: 3 })(cut, [9, NaN, NaN])).toEqual([])
    expect(pairsFromSamples({ group: 3 })([], [])).toEqual([])
    for (const rewards of [
      [9, 1],
      [9, 1, 0, 2],
    ])
      expect(() => pairsFromSamples({ group: 3 })(cut, rewards)).toThrow(/pairsFromSamples: \d rewards for 3 samples/)
    expect(() => pairsFromSamples({ group: 2 })(cut, [9, 1, 0])).toThrow(/whole groups/)
  })
})
