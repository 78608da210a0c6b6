// What is learnt from and what is asked in exams: all sums that can be written, none in both parts, in no order.
import { type ChainSum, hostKey, problems, splitOf } from '@adjoint/rl'
import { tree } from '@adjoint/tensor'
import { random } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { exam, KINDS, LEARNABLE, learning, studentOf } from './setting.ts'

const digits = Array.from({ length: 10 }, (_, d) => d)
const later = digits.flatMap((d) => [d, -d])
const pairs: readonly ChainSum[] = digits.flatMap((a) => later.map((b) => ({ terms: [a, b] })))
const all: readonly ChainSum[] = [
  ...pairs,
  ...pairs.flatMap(({ terms }) => later.map((c) => ({ terms: [...terms, c] }))),
]

/** The same for all orders: its terms with their signs, sorted. */
const unordered = ({ terms }: ChainSum): string =>
  terms
    .map((term) => (Object.is(Math.sign(term), -1) || Object.is(term, -0) ? `-${-term}` : `+${term}`))
    .sort()
    .join('')

describe('the problems of distill', () => {
  const [heldOut, learnt] = [
    all.filter((p) => splitOf(exam)(p) === 'heldOut'),
    all.filter((p) => splitOf(learning)(p) === 'train'),
  ]

  test('none that is learnt from is a held-out one, in whatever order', () => {
    const asked = new Set(heldOut.map(unordered))
    expect(learnt.filter((p) => asked.has(unordered(p)))).toEqual([])
    // and no more are left out than must be
    expect(all.length - learnt.length).toBe(all.filter((p) => asked.has(unordered(p))).length)
    expect([all.length, heldOut.length, learnt.length].every((n) => n > 300)).toBe(true)
  })

  test('are as many as the flags allow, and so many can be drawn', () => {
    const distinct = new Set(learnt.map(learning.identity))
    expect(distinct.size).toBe(LEARNABLE)
    const drawn = problems(learning, 'train', { count: LEARNABLE, distinct: true })(hostKey(0))
    expect(new Set(drawn.map(learning.identity))).toEqual(distinct)
  })

  test('the teacher has learnt from none that is asked; who learns draws training problems alone', () => {
    for (const p of learnt) expect(splitOf(exam)(p)).toBe('train')
    const drawn = new Set(problems(learning, 'train', { count: 512, distinct: true })(hostKey(0)).map(learning.prompt))
    for (const p of problems(exam, 'heldOut', { count: 128, distinct: true })(hostKey(20251127)))
      expect(drawn.has(exam.prompt(p))).toBe(false)
  })

  test('students have 10 to 20 million parameters', () => {
    for (const kind of KINDS) {
      const params = studentOf(kind, { width: 384, layers: 6 }, 302, 64).init(random.key(0))
      expect(tree.size(params)).toBeGreaterThan(10e6)
      expect(tree.size(params)).toBeLessThan(20e6)
    }
  })
})
