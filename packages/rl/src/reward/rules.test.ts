import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TAGS } from '../task/vocabulary.ts'
import { formatCompletion } from '../policy/template.ts'
import { languageConsistency, script } from './language.ts'
import { cosineLength, groupLength, softOverlong } from './length.ts'
import { repetition } from './repetition.ts'
import type { Sample } from './sample.ts'
import { accuracy, format, type Rule } from './rules.ts'
import { characters, words } from './text.ts'

type Text = Sample<null>
const say = (completion: string, over: Partial<Text> = {}): Text => ({
  problem: null,
  prompt: '',
  completion,
  length: completion.length,
  terminated: true,
  ...over,
})
const long = (length: number, over: Partial<Text> = {}): Text => say('', { length, ...over })
const SEEDED = { seed: 1, numRuns: 300 }

describe('accuracy', () => {
  const exact = accuracy<string>((p) => (answer) => answer === p)
  const of = (completion: string, problem = '5'): number => exact({ ...say(completion), problem })

  test('reads the last answer, in whatever format, and no other', () => {
    expect(of('<think>1235</think><answer>5</answer>')).toBe(1)
    expect(of('<answer> 5 </answer>')).toBe(1)
    expect(of('<answer>4</answer><answer>5</answer>')).toBe(1)
    expect(of('<answer>5</answer><answer>4</answer>')).toBe(0)
    expect(of('<think>5</think>')).toBe(0)
    expect(of('<answer>5')).toBe(0)
    expect(of('5')).toBe(0)
  })

  test('is 0 or 1, and whatever is thought moves nothing', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (think, answer) => {
        fc.pre(!TAGS.some((tag) => (think + answer).includes(tag)))
        expect(of(formatCompletion({ think, answer }), answer.trim())).toBe(1)
        expect(of(formatCompletion({ think, answer }), `not ${answer}`)).toBe(0)
      }),
      SEEDED,
    )
  })
})

describe('format', () => {
  test('is 1 iff each tag is there once and in order, with blanks alone around', () => {
    const whole = ['<think>', 'x', '</think>', ' ', '<answer>', '5', '</answer>']
    expect(format(say(whole.join('')))).toBe(1)
    TAGS.forEach((tag, i) => {
      const at = whole.indexOf(tag)
      expect(format(say(whole.toSpliced(at, 1).join(''))), `without ${tag}`).toBe(0)
      expect(format(say(whole.toSpliced(at, 0, tag).join(''))), `twice ${tag}`).toBe(0)
      const other = whole.indexOf(TAGS[(i + 1) % 4]!)
      const swapped = whole.with(at, whole[other]!).with(other, tag)
      expect(format(say(swapped.join(''))), `${tag} out of order`).toBe(0)
    })
    expect(format(say(`so ${whole.join('')}`))).toBe(0)
    expect(format(say(whole.with(3, 'so').join('')))).toBe(0)
    expect(format(say(`${whole.join('')} so`))).toBe(0)
  })
})

describe('language consistency', () => {
  const english = languageConsistency({ belongs: script('Latin') })
  const think = (thought: string): Text => say(`<think>${thought}</think><answer>因此</answer>`)

  test('known values', () => {
    for (const [thought, share] of [
      ['so it is', 1],
      ['so 3 因此', 0.5],
      ['So, it is 12: 因此.', 0.75],
      ['3 + 4 = 7', 0],
      ['', 0],
      ['Привет', 0],
    ] as const)
      expect(english(think(thought)), thought).toBe(share)
    const chinese = languageConsistency({ belongs: script('Han') })
    expect(chinese(think('因此 x'))).toBeCloseTo(words('因此').length / (words('因此').length + 1), 12)
    expect(languageConsistency({ belongs: script('Han'), units: characters })(think('因此xyz'))).toBe(0.4)
    // The thought alone counts; one that was cut off counts as far as it goes.
    expect(english(say('<answer>so</answer>'))).toBe(0)
    expect(english(say('<think>so it 因此'))).toBeGreaterThan(0)
  })

  test('is a share: bounded, blind to order and to numbers, raised by what belongs and lowered by what does not', () => {
    const unit = fc.constantFrom('so', 'it', 'в', 'на', '7', '12')
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 12 }), fc.nat(), (units, shift) => {
        const share = english(think(units.join(' ')))
        expect(share).toBeGreaterThanOrEqual(0)
        expect(share).toBeLessThanOrEqual(1)
        const cut = shift % (units.length + 1)
        expect(english(think([...units.slice(cut), ...units.slice(0, cut)].join(' ')))).toBe(share)
        expect(english(think([...units, '42'].join(' ')))).toBe(share)
        expect(english(think([...units, 'so'].join(' ')))).toBeGreaterThanOrEqual(share)
        expect(english(think([...units, 'на'].join(' ')))).toBeLessThanOrEqual(share)
        const russian = languageConsistency({ belongs: script('Cyrillic') })(think(units.join(' ')))
        if (units.some((u) => /\p{L}/u.test(u))) expect(share + russian).toBeCloseTo(1, 12)
      }),
      SEEDED,
    )
  })

  test('scripts', () => {
    const japanese = script('Han', 'Hiragana', 'Katakana')
    expect(['です', '日本語', 'コーヒー', 'is', '42', 'é', 'xя'].map(japanese)).toEqual([true, true, true, false, null, false, false]) // prettier-ignore
    expect(['é', 'naïve', 'xя', '。'].map(script('Latin'))).toEqual([true, true, false, null])
    expect(() => script('English')).toThrow('Unicode has no script "English"')
  })
})

describe('length', () => {
  // The values of RL.md.
  test('soft overlong: 0, a line, -1', () => {
    const punish = softOverlong({ max: 100, cache: 20 })
    expect([50, 80, 90, 100, 110].map((n) => punish(long(n)))).toEqual([0, 0, -0.5, -1, -1])
    const bounds = fc.record({ cache: fc.integer({ min: 1, max: 50 }), above: fc.nat({ max: 50 }) })
    fc.assert(
      fc.property(bounds, fc.nat({ max: 150 }), ({ cache, above }, n) => {
        const reward = softOverlong({ max: cache + above, cache })
        const [here, next] = [reward(long(n)), reward(long(n + 1))]
        expect(here).toBeGreaterThanOrEqual(-1)
        expect(next).toBeLessThanOrEqual(here)
        expect(here - next).toBeLessThanOrEqual(1 / cache + 1e-12)
        expect(reward(long(above)) === 0).toBe(true)
        expect(reward(long(cache + above))).toBe(-1)
      }),
      SEEDED,
    )
    for (const wrong of [
      { max: 10, cache: 11 },
      { max: 10, cache: 0 },
      { max: 10, cache: NaN },
    ])
      expect(() => softOverlong(wrong)).toThrow(/0 < cache <= max/)
  })

  const isRight: Rule<null> = ({ completion }) => (completion === 'right' ? 1 : 0)
  const right = (length: number, over: Partial<Text> = {}): Text => say('right', { length, ...over })
  const wrong = (length: number): Text => say('wrong', { length })

  test('cosine: the values of the paper at both ends and in the middle', () => {
    const reward = cosineLength({ max: 100 })(isRight)
    expect([0, 50, 100].map((n) => reward(right(n)))).toEqual([2, expect.closeTo(1.5, 12), 1])
    expect([0, 50, 100].map((n) => reward(wrong(n)))).toEqual([-10, expect.closeTo(-5, 12), 0])
    expect(reward(right(25))).toBeCloseTo(1 + (1 + Math.SQRT1_2) / 2, 12)
    expect(reward(right(101))).toBe(-10)
    expect(reward(right(40, { terminated: false }))).toBe(-10)
    const own = cosineLength({ max: 10, correct: { shortest: 1, longest: 3 }, wrong: { shortest: 0, longest: 0 }, exceeded: -2 }) // prettier-ignore
    expect([right(0), right(10), wrong(5), right(11)].map((s) => own(isRight)(s))).toEqual([1, 3, 0, -2])
  })

  test('cosine: right falls and wrong rises with length, within their ranges, right always above wrong', () => {
    const reward = cosineLength({ max: 200 })(isRight)
    fc.assert(
      fc.property(fc.nat({ max: 199 }), (n) => {
        expect(reward(right(n))).toBeGreaterThan(reward(right(n + 1)))
        expect(reward(wrong(n))).toBeLessThan(reward(wrong(n + 1)))
        expect(reward(right(n))).toBeGreaterThan(reward(wrong(n)))
        // symmetric about the middle
        expect(reward(right(n)) + reward(right(200 - n))).toBeCloseTo(3, 9)
      }),
      SEEDED,
    )
  })

  test('beside its group: known values', async () => {
    const samples = [right(10), right(20), right(30), wrong(10), wrong(30), wrong(20)]
    expect(await groupLength(isRight)(samples)).toEqual([0.5, 0, -0.5, 0, -0.5, 0])
    expect(await groupLength(isRight)([right(7), right(7), wrong(7)])).toEqual([0, 0, 0])
    expect(await groupLength(isRight)([])).toEqual([])
    // A spread of as many lengths would overflow the stack.
    const many = await groupLength(isRight)(Array.from({ length: 200_000 }, (_, i) => right(5 + (i % 3))))
    expect(many.slice(0, 3)).toEqual([0.5, 0, -0.5])
  })

  test('beside its group: other prompts move nothing, nor does order; a wrong answer is never paid', async () => {
    const sample = fc
      .record({ ok: fc.boolean(), n: fc.integer({ min: 1, max: 9 }), prompt: fc.constantFrom('p', 'q') })
      .map(({ ok, n, prompt }) => ({ ...(ok ? right(n) : wrong(n)), prompt }))
    await fc.assert(
      fc.asyncProperty(fc.array(sample, { maxLength: 10 }), async (samples) => {
        const score = groupLength(isRight)
        const all = await score(samples)
        const reversed = await score([...samples].reverse())
        expect(reversed).toEqual([...all].reverse())
        const ps = samples.map((s, i) => [s, i] as const).filter(([s]) => s.prompt === 'p')
        expect(await score(ps.map(([s]) => s))).toEqual(ps.map(([, i]) => all[i]))
        all.forEach((x, i) => {
          expect(Math.abs(x)).toBeLessThanOrEqual(0.5)
          if (isRight(samples[i]!) === 0) expect(x).toBeLessThanOrEqual(0)
        })
        const longer = samples.map((s) => ({ ...s, length: s.length + 5 }))
        expect(await score(longer)).toEqual(all)
      }),
      SEEDED,
    )
  })
})

describe('repetition', () => {
  test('known values', () => {
    // Of 3 bigrams one is new; of 5, two.
    expect(repetition({ n: 2 })(say('this this this this'))).toBeCloseTo(-2 / 3, 12)
    expect(repetition({ n: 2 })(say('this that this that this that'))).toBeCloseTo(-3 / 5, 12)
    expect(repetition({ n: 2, maxPenalty: -0.5 })(say('This this THIS, this'))).toBeCloseTo(-1 / 3, 12)
    const letters = repetition({ n: 3, units: characters })
    expect(letters(say('abcdef'))).toBe(0)
    expect(letters(say('ab'))).toBe(0)
    expect(letters(say('aaaaaaaa'))).toBeCloseTo(1 / 6 - 1, 12)
    expect(letters(say('a a a a a a a a'))).toBeCloseTo(1 / 6 - 1, 12)
    expect(repetition({ n: 1 })(say(''))).toBe(0)
    expect(repetition({ n: 2 })(say('ab c a bc'))).toBe(0)
    for (const wrong of [{ n: 0 }, { n: 1.5 }, { n: 2, maxPenalty: 0.1 }])
      expect(() => repetition(wrong)).toThrow(/a penalty is at most 0/)
  })

  test('is between the penalty and 0; saying all again costs, saying something new does not', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 4 }), fc.double({ min: 0, max: 3, noNaN: true }), (ws, n, most) => {
        const punish = repetition({ n, maxPenalty: -most })
        const of = (units: readonly string[]): number => punish(say(units.join(' ')))
        expect(of(ws)).toBeLessThanOrEqual(0)
        expect(of(ws)).toBeGreaterThanOrEqual(-most)
        // once more than the n-grams can be new
        expect(of([...ws, ...ws, ...ws])).toBeLessThanOrEqual(of(ws))
        expect(of([...ws, 'new'])).toBeGreaterThanOrEqual(of(ws))
        // names of the words say nothing
        expect(of(ws.map((w) => `${w}x`))).toBe(of(ws))
      }),
      SEEDED,
    )
  })
})
