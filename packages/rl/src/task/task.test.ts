import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatCompletion } from '../policy/template.ts'
import { addition } from './addition.ts'
import { bilingual, inDigits, toChineseNumerals, toDigits } from './bilingual.ts'
import { mod10Chain, mod10Chains } from './chain.ts'
import { countdown } from './countdown.ts'
import { hostKey } from '../run/keys.ts'
import { problem, problems, type Split, splitOf, type CharacterTask } from './task.ts'

const key = fc.nat().map(hostKey)
const split = fc.constantFrom<Split>('train', 'heldOut')

/** What holds of every task. */
const lawful = <P>(task: CharacterTask<P>, numRuns: number): void => {
  describe(task.name, () => {
    test('the oracle solves every problem', () => {
      fc.assert(
        fc.property(key, (k) => {
          const p = task.generate(k)
          return task.verify(p)(task.trace(p).answer)
        }),
        { seed: 1, numRuns },
      )
    })

    test('the same key gives the same problem, of the split asked for', () => {
      fc.assert(
        fc.property(key, split, (k, s) => {
          const p = problem(task, s)(k)
          expect(problem(task, s)(k)).toEqual(p)
          expect(splitOf(task)(p)).toBe(s)
        }),
        { seed: 1, numRuns },
      )
    })

    test('prompts and traces are in the vocabulary, and decode to themselves', () => {
      fc.assert(
        fc.property(key, (k) => {
          const p = task.generate(k)
          for (const text of [task.prompt(p), formatCompletion(task.trace(p))]) {
            const ids = task.vocabulary.encode(text)
            expect(E.isRight(ids) && task.vocabulary.decode(ids.right)).toBe(text)
          }
        }),
        { seed: 1, numRuns },
      )
    })

    test('training and held-out problems are disjoint', () => {
      const train = problems(task, 'train', { count: 300 })(hostKey(1)).map(task.identity)
      const heldOut = problems(task, 'heldOut', { count: 60 })(hostKey(1)).map(task.identity)
      const trained = new Set(train)
      expect(heldOut.filter((id) => trained.has(id))).toEqual([])
    })
  })
}

lawful(mod10Chain, 200)
lawful(mod10Chains(2), 50)
lawful(addition(4), 200)
lawful(countdown(), 60)
lawful(bilingual(mod10Chain, { mixed: 0.5 }), 200)

describe('two scripts', () => {
  const chains = (mixed: number) => bilingual(mod10Chain, { mixed })
  const anyChain = key.map(mod10Chain.generate)
  const numerals = (text: string): readonly boolean[] => Array.from(text, inDigits).filter((b) => b !== null)

  test('say the same: digits to Chinese numerals and back is the identity, and so is a trace read in digits', () => {
    fc.assert(
      fc.property(anyChain, fc.double({ min: 0, max: 1, noNaN: true }), (p, mixed) => {
        const { think, answer } = mod10Chain.trace(p)
        expect(toDigits(toChineseNumerals(think))).toBe(think)
        const traced = chains(mixed).trace(p)
        expect({ think: toDigits(traced.think), answer: traced.answer }).toEqual({ think, answer })
        expect(chains(mixed).trace(p)).toEqual(traced)
        expect(chains(mixed).verify(p)(toChineseNumerals(answer))).toBe(true)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('mix in the share of traces asked for, half of their numerals', () => {
    const problemsOf = Array.from({ length: 2000 }, (_, i) => mod10Chain.generate(hostKey(i)))
    const other = (mixed: number) =>
      problemsOf.map((p) => numerals(chains(mixed).trace(p).think).filter((ours) => !ours).length / 4)
    const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length
    expect(mean(other(0))).toBe(0)
    expect(mean(other(1))).toBeCloseTo(0.5, 1)
    expect(mean(other(0.5))).toBeCloseTo(0.25, 1)
    // Four numerals of which none is Chinese: half of the traces, and a sixteenth of the other half.
    expect(other(0.5).filter((x) => x === 0).length / 2000).toBeCloseTo(0.53, 1)
  })

  test('are told apart by character', () => {
    expect(Array.from('7七〇=x', inDigits)).toEqual([true, false, false, null, null])
    expect(inDigits('')).toBeNull()
    expect(toChineseNumerals('8+5=13')).toBe('八+五=一三')
    expect(chains(0).vocabulary.size).toBe(31)
  })
})

describe('splits', () => {
  test('hold out about a tenth', () => {
    const held = Array.from({ length: 5000 }, (_, i) => splitOf(mod10Chain)(mod10Chain.generate(hostKey(i)))).filter(
      (s) => s === 'heldOut',
    )
    expect(held.length / 5000).toBeGreaterThan(0.085)
    expect(held.length / 5000).toBeLessThan(0.115)
  })

  test('distinct problems are distinct, and too many are refused', () => {
    const exam = problems(mod10Chains(2), 'heldOut', { count: 20, distinct: true })(hostKey(0)).map(
      mod10Chains(2).prompt,
    )
    expect(new Set(exam).size).toBe(20)
    expect(() => problems(mod10Chains(2), 'heldOut', { count: 290, distinct: true })(hostKey(0))).toThrow(
      /Ask for fewer/,
    )
  })
})

describe('known problems', () => {
  test('a chain', () => {
    const p = { digits: [3, 8, 2, 9, 5], operators: ['+', '*', '-', '*'] } as const
    expect(mod10Chain.prompt(p)).toBe('3+8*2-9*5=')
    expect(formatCompletion(mod10Chain.trace(p))).toBe('<think>1235</think><answer>5</answer>')
    expect(mod10Chain.vocabulary.size).toBe(21)
    expect(mod10Chain.verify(p)('5')).toBe(true)
    expect([' 5', '05', '4', '', '5.0'].map(mod10Chain.verify(p))).toEqual([false, false, false, false, false])
  })

  test('an addition', () => {
    const task = addition(2)
    expect(task.trace({ x: 57, y: 68 })).toEqual({ think: '7+8+0=15,5+6+1=12', answer: '125' })
    expect(task.trace({ x: 0, y: 0 })).toEqual({ think: '0+0+0=0', answer: '0' })
    expect(splitOf(task)({ x: 57, y: 68 })).toBe(splitOf(task)({ x: 68, y: 57 }))
  })
})
