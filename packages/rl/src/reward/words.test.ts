// What the words around a numeral make of it, and what else looks like the same answer and is not.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sameMath } from './answer.ts'

const same = sameMath()
const accepted = (gold: string, ...answers: readonly string[]): void => {
  for (const answer of answers) expect(same(gold)(answer), `${gold} and ${answer}`).toBe(true)
}
const refused = (gold: string, ...answers: readonly string[]): void => {
  for (const answer of answers) expect(same(gold)(answer), `${gold} and ${answer}`).toBe(false)
}

describe('the words around a numeral', () => {
  test('negative and minus are its sign', () => {
    const said = ['The answer is negative 5.', 'The answer is minus 5.', 'minus 5', 'negative 5', '#### negative 5', 'The answer is negative $5$.', 'so it is negative 5', '\\boxed{\\text{negative } 5}', '\\boxed{minus 5}'] // prettier-ignore
    accepted('-5', ...said)
    refused('5', ...said)
    accepted('-\\frac12', 'The answer is minus $\\frac12$.')
    accepted('2', '\\boxed{7 \\text{ minus } 5}')
    accepted('5', 'The answer is 5, and the negative root is none.')
  })

  test('what counts or divides it is a factor, and no unit', () => {
    refused('5', '5 million dollars', '\\boxed{5 \\text{ million}}', '5 dozen', '5 squared', '5 factorial', '5 tenths', 'The answer is 5 million dollars.', 'The answer is $5$ million.', '#### 5 thousand', 'so there are 5 hundred', 'The answer is 5 and a half.', 'The answer is 5 plus 3.', '5 over 6') // prettier-ignore
    accepted('5000000', '5 million', '5 million dollars', '\\boxed{5 \\text{ million}}', 'The answer is 5 million.')
    accepted('60', '5 dozen', 'The answer is 5 dozen eggs.')
    accepted('25', '5 squared')
    accepted('0.5', '5 tenths')
    accepted('500000', '5 hundred thousand')
    accepted('5', '5 constructor', '5 valueOf')
    refused('3', '3 quarters')
    accepted('0.75', '3 quarters')
    refused('2', '2 thirds')
    accepted('2/3', '2 thirds', '2 thirds of a mile')
    refused('10', '10 \\text{ (base 2)}', 'The answer is 10 (base 2).')
    accepted('5', '5 seconds', '5 meters squared', '5 square meters', 'The answer is 5 times as many.')
  })

  test('what counts it behind its box is a factor too', () => {
    const behind = (words: string): readonly string[] =>
      [`\\boxed{5} ${words}`, `$\\boxed{5}$ ${words}.`, `It is \\(\\boxed{5}\\) ${words} dollars.`, `$$\n\\boxed{5}\n$$ ${words}`, `**\\boxed{5}** ${words}`, `\\boxed{5}\\text{ ${words}}`, `$\\boxed{5}\\ \\text{${words}}$`, `\\boxed{5}-${words}`, `$5$-${words}`] // prettier-ignore
    for (const [words, value] of [
      ['million', '5000000'],
      ['hundred thousand', '500000'],
      ['thirds', '5/3'],
      ['lakh', '500000'],
      ['crore', '50000000'],
      ['quadrillion', '5000000000000000'],
    ] as const) {
      // prettier-ignore
      refused('5', ...behind(words))
      accepted(value, ...behind(words))
    }
    accepted(
      '5',
      '\\boxed{5} apples',
      '\\boxed{5}. Thousands of them',
      'If $x$ is $\\boxed{5}$ then a million is more.',
    )
    // The residue is what a congruence is boxed for.
    accepted('5', '$12 \\equiv \\boxed{5} \\pmod 7$', '$12 \\bmod 7 = \\boxed{5}$')
  })

  test('a residue is none of the numbers in it, and has its modulus', () => {
    const spellings = (a: number, n: number): readonly string[] =>
      [`${a} mod ${n}`, `${a} (mod ${n})`, `${a} modulo ${n}`, `$${a} \\pmod ${n}$`, `${a}\\pmod{${n}}`, `$${a} \\bmod ${n}$`, `${a} \\mod ${n}`, `\\boxed{${a} \\text{ mod } ${n}}`, `\\boxed{${a} mod ${n}}`, `The answer is ${a} mod ${n}.`, `so it is ${a} (mod ${n})`, `The answer is $${a}$ mod $${n}$.`, `$x \\equiv ${a} \\pmod{${n}}$`, `x ≡ ${a} (mod ${n})`] // prettier-ignore
    const number = fc.integer({ min: 0, max: 40 })
    fc.assert(
      fc.property(number, number, number, number, (a, n, b, m) => {
        accepted(`${a} \\pmod{${n}}`, ...spellings(a, n))
        for (const plain of [a, n, a * n, n === 0 ? a : a % n]) refused(String(plain), ...spellings(a, n))
        refused(`${a},${n}`, ...spellings(a, n))
        if (a !== b || n !== m) for (const gold of spellings(a, n)) refused(gold, ...spellings(b, m))
      }),
      { seed: 1, numRuns: 20 },
    )
    accepted('3', '17 mod 7 = 3')
    refused('5', '5 mod n', '\\boxed{5 \\pmod n}', '5 mod')
  })

  test('words spell a number', () => {
    const ones = 'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(' ') // prettier-ignore
    const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')
    const scales = ['', ' thousand', ' million', ' billion', ' trillion']
    const group = (n: number): string =>
      n >= 100
        ? `${ones[Math.floor(n / 100)]!} hundred${n % 100 === 0 ? '' : ` and ${group(n % 100)}`}`
        : n >= 20
          ? tens[Math.floor(n / 10) - 2]! + (n % 10 === 0 ? '' : `-${ones[n % 10]!}`)
          : ones[n]!
    const spell = (n: number): string =>
      n === 0
        ? 'zero'
        : scales
            .map((scale, i) => [Math.floor(n / 1000 ** i) % 1000, scale] as const)
            .filter(([part]) => part > 0)
            .map(([part, scale]) => group(part) + scale)
            .reverse()
            .join(' ')
    const size = fc.integer({ min: 0, max: 14 }).chain((digits) => fc.integer({ min: 0, max: 10 ** digits }))
    fc.assert(
      fc.property(size, size, (n, other) => {
        const words = spell(n)
        accepted(String(n), words, `\\boxed{\\text{${words}}}`, `The answer is ${words}.`, words.toUpperCase())
        if (n !== other) refused(String(other), words, `\\boxed{\\text{${words}}}`)
      }),
      { seed: 1, numRuns: 200 },
    )
    accepted('2500', 'twenty-five hundred')
    refused('25', 'five twenty', 'twenty five and', 'twenty-five apples', 'twenty twenty-five')
    refused('32', 'twenty twelve')
    refused('100,5', 'one hundred and five')
    accepted('5,6', 'five and six', 'five or six')
  })

  test('a comparison, an operation or an alternative is not it', () => {
    refused('3', 'at least 3', 'at most 3', 'not 3', 'The answer is at least 3.', 'The answer is not $3$.', '\\boxed{\\text{at least } 3}') // prettier-ignore
    refused('5', 'less than 5', 'square root of 5', 'log of 5', 'The answer is 5 or 6.', 'The answer is 6 or 5.', 'The answer is $5$ or 6.', 'no solution except 5', 'The answer is the square root of $5$.', 'so it is 4 or 5', 'The answer is 4, 5, or 6.', 'The answer is 5 or more.', 'The answer is 5, 6.', 'The answer is 5 at least.', 'The answer is 5 degrees below zero.', '5 below zero') // prettier-ignore
    refused('0.3', '0.3 recurring', 'The answer is 0.3 repeating.')
    accepted('5.3', 'The answer is 5.3 to the nearest tenth.', '\\boxed{5.3} to the nearest tenth')
    accepted('5,6', 'The answer is 5 or 6.', 'The answer is $6$ or 5.', 'The answer is 5 and 6.')
    accepted('1,2,3', 'The answer is 1, 2, and 3.', 'The answer is 1, 2, 3.')
    accepted('5', 'The answer is 5, and 6 are left.', 'The answer is 5, not 6.')
  })
})

describe('what looks the same', () => {
  test('what is read is not what cannot be read', () => {
    refused('12', '1 2')
    refused('1 2', '12')
    refused('123', '1 2 3')
    refused('1 2 3', '12 3', '123')
    accepted('1 2 3', '1 2 3', '$1  2  3$')
  })

  test('a list says how often, and a set does not', () => {
    refused('1,1,2', '1,2,2', '1,2')
    refused('5', '5,5')
    refused('5,5', '5')
    accepted('1,1,2', '2,1,1')
    accepted('\\{1,1,2\\}', '\\{1,2\\}', '\\{1,2,2\\}')
    accepted('0', '\\pm 0')
    accepted('(1,2),(3,4)', '(3,4),(1,2),(3,4)')
    accepted('-5', '\\$-5')
    accepted('(1,\\frac12)', '\\\\left(1, \\\\frac{1}{2}\\\\right)')
    // An answer that is given twice is one.
    accepted('5', '\\boxed{5}\n\n\\boxed{5}', '$\\boxed{5}$ $\\boxed{5}$')
  })

  test('a floor and a ceiling differ at integers', () => {
    refused('\\lfloor x\\rfloor+1', '\\lceil x\\rceil')
    refused('2\\lfloor x\\rfloor+2', '2\\lceil x\\rceil')
    accepted('\\lfloor x\\rfloor+1', '\\lfloor x+1\\rfloor')
    accepted('\\lceil x\\rceil', '-\\lfloor -x\\rfloor')
  })

  test('derivatives, numerals of Rome and scores are no products and quotients', () => {
    refused('\\frac{dy}{dx}', '\\frac yx', '\\frac{dx}{dy}')
    refused('dy/dx', 'y/x', 'yx')
    refused('\\frac{d^2y}{dx^2}', '\\frac{y}{x^2}', '\\frac{dy}{x^2}')
    accepted('\\frac{dy}{dx}', '\\dfrac{dy}{dx}')
    refused('IV', 'VI', '\\boxed{VI}')
    accepted('IV', '$IV$')
    refused('1:0', '2:0')
    accepted('2:4', '1:2')
    accepted('1:0', '1:0')
  })
})
