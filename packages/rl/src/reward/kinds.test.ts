// One law for each kind of answer: it is itself however it is written, and not what it is changed into.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sameMath } from './answer.ts'

const same = sameMath()
const equal = (x: string, y: string): void => {
  expect(same(x)(y), `${x} and ${y}`).toBe(true)
  expect(same(y)(x), `${y} and ${x}`).toBe(true)
}
const unequal = (x: string, y: string): void => {
  expect(same(x)(y), `${x} and ${y}`).toBe(false)
  expect(same(y)(x), `${y} and ${x}`).toBe(false)
}
const SEEDED = { seed: 8, numRuns: 60 }
/** A law holds for all values of one kind. */
const law = <T>(values: fc.Arbitrary<T>, holds: (value: T) => void): void => {
  const property = fc.property(values, (value) => {
    holds(value)
  })
  fc.assert(property, SEEDED)
}

const whole = (max: bigint, min = 1n) => fc.bigInt({ min, max })
const digits = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789')), minLength, maxLength })
const small = fc.integer({ min: -50, max: 50 })

describe('numbers', () => {
  test('an integer of any size, with any separator, is not the next one', () => {
    law(whole(10n ** 60n), (n) => {
      const groups = n.toLocaleString('en')
      for (const comma of [',', '{,}', '\\,', ',\\!', ' ', '\\ '])
        equal(String(n), `$${groups.replaceAll(',', comma)}$`)
      equal(`-${n}`, `- ${groups}`)
      unequal(String(n), String(n + 1n))
      unequal(groups, (n + 1n).toLocaleString('en').replaceAll(',', '\\,'))
      unequal(String(n), `-${n}`)
    })
  })

  test('a fraction is the same times the same', () => {
    law(fc.tuple(whole(10n ** 20n), whole(10n ** 20n), whole(999n)), ([a, b, k]) => {
      equal(`\\frac{${a}}{${b}}`, `${k * a}/${k * b}`)
      equal(`-\\dfrac{${a}}{${b}}`, `\\tfrac{-${k * a}}{${k * b}}`)
      unequal(`\\frac{${a}}{${b}}`, `\\frac{${a + 1n}}{${b}}`)
      equal(`\\frac{${a}}{${k * b}} + \\frac{${k}}{${b}}`, `\\frac{${a + k * k}}{${k * b}}`)
      unequal(`\\frac{${a}}{${b}}`, `\\frac{${a}}{${b + 1n}}`)
    })
    law(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })), ([a, b]) => {
      equal(`\\frac${a}${b}`, `${a}/${b}`)
      equal(`\\frac ${a} ${b}`, `\\frac{${a}}{${b}}`)
      unequal(`\\frac${a}${b}1`, `\\frac{${a}}{${b}}`)
    })
  })

  test('a decimal is exact, and so is its power of ten', () => {
    law(fc.tuple(whole(10n ** 12n), digits(1, 12), fc.integer({ min: -20, max: 20 })), ([n, fraction, e]) => {
      const shift = 10n ** BigInt(fraction.length)
      const value = `${n}.${fraction}`
      equal(value, `\\frac{${BigInt(`${n}${fraction}`)}}{${shift}}`)
      equal(value, `${value}00`)
      unequal(value, `${value}1`)
      equal(`${value} \\times 10^{${e}}`, `${value}e${e}`)
      unequal(`${value} \\times 10^{${e}}`, `${value} \\times 10^{${e + 1}}`)
    })
    law(digits(1, 12), (fraction) => {
      if (/[1-9]/.test(fraction)) equal(`.${fraction}`, `0.${fraction}`)
    })
  })

  test('a decimal that repeats is its fraction', () => {
    law(fc.tuple(fc.nat(99), digits(0, 4), digits(1, 6)), ([n, fixed, period]) => {
      const nines = 10n ** BigInt(period.length) - 1n
      const shift = 10n ** BigInt(fixed.length)
      const value = `\\frac{${BigInt(`${n}${fixed}`) * nines + BigInt(period)}}{${nines * shift}}`
      equal(value, `${n}.${fixed}\\overline{${period}}`)
      equal(value, `${n}.${fixed}(${period})`)
      if (/^9+$/.test(period)) return
      unequal(value, `${n}.${fixed}\\overline{${(BigInt(period) + 1n).toString().padStart(period.length, '0')}}`)
      if (/[1-9]/.test(period) && `${n}${fixed}${period}`.length < 6) unequal(value, `${n}.${fixed}${period}`)
    })
  })

  test('six significant digits or more say what they are rounded from, and fewer do not', () => {
    law(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.constantFrom(7, 11, 13, 17, 19, 23)), ([a, b]) => {
      if (a % b === 0) return
      const rounded = (a / b).toFixed(8)
      equal(`\\frac{${a}}{${b}}`, rounded)
      unequal(`\\frac{${a}}{${b}}`, rounded.slice(0, -1) + String((Number(rounded.at(-1)) + 1) % 10))
      unequal(`\\frac{${a}}{${b}}`, (a / b).toFixed(3))
    })
    equal('\\pi', '3.141593')
    equal('\\sqrt{2}', '1.41421356')
    unequal('\\sqrt{2}', '1.41421357')
    unequal('0.12345678', '0.1234568') // neither is written exactly
  })

  test('a mixed number is a sum', () => {
    law(fc.tuple(whole(500n), whole(30n), whole(30n)), ([n, a, more]) => {
      const b = a + more
      const value = `\\frac{${n * b + a}}{${b}}`
      for (const mixed of [`${n}\\frac{${a}}{${b}}`, `${n} \\frac{${a}}{${b}}`, `${n} ${a}/${b}`]) {
        equal(value, mixed)
        equal(`-${value}`, `-${mixed}`)
      }
      unequal(`${n}\\frac{${a}}{${b}}`, `${n}\\frac{${a + 1n}}{${b}}`)
      unequal(value, `${n + 1n}\\frac{${a}}{${b}}`)
      unequal(`\\frac{${n * a}}{${b}}`, `${n}\\frac{${a}}{${b}}`) // no product
    })
    unequal('1\\frac{9}{5}', '\\frac{9}{5}') // neither
    equal('2 \\cdot 2\\frac12', '5')
  })

  test('a percentage is its hundredth, or its number', () => {
    law(fc.integer({ min: 1, max: 9999 }), (n) => {
      for (const percent of [`${n}\\%`, `${n}%`, `${n} \\text{ percent}`, `${n} percent`]) {
        equal(`\\frac{${n}}{100}`, percent)
        equal(String(n), percent)
        equal(`${n}\\%`, percent)
        unequal(String(n + 1), percent)
        unequal(`${n + 1}\\%`, percent)
      }
      equal(`\\frac{1}{4} \\times ${4 * n}\\%`, `${n}\\%`)
      unequal(`${100 * n}\\%`, `${n}\\%`)
    })
  })

  test('a unit may be left off, and not another', () => {
    law(fc.tuple(small, fc.constantFrom('cm', 'meters', 'degrees', 'apples', 'dollars', 'cubic feet')), ([n, unit]) => {
      for (const other of [`${n}\\text{ ${unit}}`, `${n} \\mathrm{${unit}}`, `${n}\\mbox{ ${unit}}`]) {
        equal(String(n), other)
        equal(`${n}\\text{ ${unit}}`, other)
        unequal(`${n}\\text{ pears}`, other)
        unequal(`${n + 1}\\text{ ${unit}}`, other)
      }
    })
    equal('90^\\circ', '90 \\text{ degrees}')
    equal('\\$18.90', '18.9 \\text{ dollars}')
    equal('864 \\mbox{ inches}^2', '864 \\text{ square inches}')
    equal('60 \\text{ km}/\\text{h}', '60 \\text{ kilometers per hour}')
    unequal('864 \\mbox{ inches}^2', '864 \\text{ inches}^3')
    unequal('5 cm', '5 m')
  })

  test('a power is exact, and one too large is itself alone', () => {
    law(fc.tuple(whole(20n, 2n), fc.integer({ min: 1, max: 300 })), ([a, n]) => {
      equal(`${a}^{${n}}`, String(a ** BigInt(n)))
      equal(`\\frac{1}{${a}^{${n}}}`, `${a}^{-${n}}`)
      unequal(`\\frac{1}{${a}^{${n}}}`, `\\frac{1}{${a}^{${n + 1}}}`)
      unequal(`${a}^{${n}}`, `${a}^{${n}} + 1`)
      unequal(`${a}^{${n}} \\pi`, `${a}^{${n}} \\pi + 1`)
      equal(`x^{${n}}`, `x \\cdot x^{${n - 1}}`)
      unequal(`x^{${n}}`, `x^{${n + 1}}`)
    })
    law(fc.tuple(whole(10n ** 30n, 10n ** 6n), whole(9n, 2n)), ([huge, a]) => {
      equal(`${a}^{${huge}}`, `$${a}^{${huge}}$`)
      unequal(`${a}^{${huge}}`, `${a}^{${huge + 1n}}`)
      unequal(`${a}^{${huge}}`, `${a}^{${huge}} + 1`)
    })
  })

  test('a root is what it is of, normal or not', () => {
    law(fc.tuple(whole(1000n), whole(1000n), fc.integer({ min: 2, max: 7 })), ([k, m, n]) => {
      equal(`\\sqrt{${k * k * m}}`, `${k}\\sqrt{${m}}`)
      equal(`\\frac{${m}}{\\sqrt{${m}}}`, `\\sqrt ${m}`)
      equal(`\\sqrt[${n}]{${k ** BigInt(n) * m}}`, `${k} \\cdot ${m}^{1/${n}}`)
      unequal(`\\sqrt{${k * k * m}}`, `\\sqrt{${k * k * m + 1n}}`)
      unequal(`\\sqrt{${m}}`, `\\sqrt[3]{${m + 1n}}`)
      equal(`(\\sqrt{${k}} + \\sqrt{${m}})^2`, `${k + m} + 2\\sqrt{${k * m}}`)
    })
    law(whole(10n ** 30n, 10n ** 29n), (n) => unequal(`\\sqrt{${n ** 2n + 1n}}`, String(n)))
    equal('\\sqrt{12}', '2\\sqrt3')
    equal('\\frac{1}{3\\sqrt[3]{x}^2}', '\\frac{1}{3x^{2/3}}')
    unequal('\\sqrt{x^2}', 'x')
    equal('\\sqrt{x^2}', '|x|')
  })
})

describe('what is made of numbers', () => {
  const several = fc.uniqueArray(small, { minLength: 2, maxLength: 6 })

  test('plus-minus is a set of two', () => {
    law(fc.tuple(small, whole(40n)), ([a, b]) => {
      const [more, less] = [a + Number(b), a - Number(b)]
      equal(`${a} \\pm ${b}`, `\\{${less}, ${more}\\}`)
      equal(`x = ${a} \\pm ${b}`, `${more}, ${less}`)
      equal(`\\frac{${a} \\pm \\sqrt{${b}}}{2}`, `\\frac{${a} + \\sqrt{${b}}}{2}, \\frac{${a} - \\sqrt{${b}}}{2}`)
      equal(`\\{${a} \\pm ${b}, 100\\}`, `\\{${less}, 100, ${more}\\}`)
      unequal(`${a} \\pm ${b}`, String(more))
      unequal(`${a} \\pm ${b}`, `${a} \\pm ${b + 1n}`)
      equal(`${a} \\pm ${b} \\mp 1`, `${more - 1}, ${less + 1}`)
    })
  })

  test('a set is its members, in any order and in any parts', () => {
    law(fc.tuple(several, fc.nat(5)), ([xs, at]) => {
      const cut = 1 + (at % (xs.length - 1))
      const set = (ys: readonly number[]): string => `\\{${ys.join(', ')}\\}`
      equal(set(xs), set([...xs].reverse()))
      equal(set(xs), [...xs].reverse().join(', '))
      equal(set(xs), `${set(xs.slice(0, cut))} \\cup ${set(xs.slice(cut))}`)
      unequal(set(xs), set(xs.slice(1)))
      unequal(set(xs), set([51, ...xs.slice(1)]))
      unequal(set(xs), `(${xs.join(', ')})`)
    })
    equal('\\emptyset', '\\{\\}')
    unequal('2\\{1, 2\\}', '\\{2, 4\\}') // no arithmetic on sets
    unequal('\\{\\{1\\}, \\{2\\}\\}', '\\{1, 2, 3\\}')
  })

  test('an interval is what an inequality says, with its brackets', () => {
    const bracketed = fc.tuple(small, whole(50n), fc.constantFrom('(', '['), fc.constantFrom(')', ']'))
    law(bracketed, ([a, width, open, close]) => {
      const b = a + Number(width)
      const [left, right] = [open === '(' ? '<' : '\\le', close === ')' ? '<' : '\\leq']
      const interval = `${open}${a}, ${b}${close}`
      equal(interval, `${a} ${left} x ${right} ${b}`)
      equal(interval, `x \\in \\left${open} ${a}, ${b} \\right${close}`)
      equal(`${open}${a}, \\infty)`, `x ${open === '(' ? '>' : '\\ge'} ${a}`)
      equal(`(-\\infty, ${a}]`, `x \\leq ${a}`)
      unequal(interval, `${open === '(' ? '[' : '('}${a}, ${b}${close}`)
      unequal(interval, `${open}${a}, ${b}${close === ')' ? ']' : ')'}`)
      unequal(interval, `${open}${a}, ${b + 1}${close}`)
      unequal(interval, `${b} ${left} x ${right} ${a}`)
      unequal(`x < ${a}`, `x > ${a}`)
    })
    unequal('x < 3', 'y < 3')
  })

  test('a union of intervals is its points', () => {
    law(fc.tuple(small, whole(9n), whole(9n), whole(9n)), ([a, ...widths]) => {
      const [b, c, d] = widths.reduce<readonly number[]>((ends, w) => [...ends, (ends.at(-1) ?? a) + Number(w)], []) as [number, number, number] // prettier-ignore
      equal(`(${a}, ${c})`, `(${a}, ${b}] \\cup (${b}, ${c})`)
      equal(`(${a}, ${c}]`, `[${b}, ${c}] \\cup (${a}, ${c})`)
      equal(`(${a}, ${b}) \\cup (${c}, ${d})`, `(${c}, ${d}) \\cup (${a}, ${b})`)
      equal(`[${a}, ${b})`, `\\{${a}\\} \\cup (${a}, ${b})`)
      equal(`(-\\infty, ${a}) \\cup (${a}, \\infty)`, `x \\neq ${a}`)
      unequal(`(${a}, ${c})`, `(${a}, ${b}) \\cup (${b}, ${c})`)
      unequal(`(${a}, ${b}) \\cup (${c}, ${d})`, `(${a}, ${b}) \\cup [${c}, ${d})`)
      unequal(`(${a}, ${b}) \\cup (${c}, ${d})`, `(${a}, ${d})`)
    })
    equal('1 \\le |z| \\le 3', '[-3, -1] \\cup [1, 3]')
    equal('|x| < 2', '(-2, 2)')
  })

  test('a tuple has an order', () => {
    law(several, (xs) => {
      equal(`(${xs.join(', ')})`, `\\left( ${xs.map((x) => `\\frac{${2 * x}}{2}`).join(' , ')} \\right)`)
      equal(`(x, y) = (${xs.join(',')})`, `(${xs.join('; ')})`)
      unequal(`(${xs.join(', ')})`, `(${[...xs].reverse().join(', ')})`)
      unequal(`(${xs.join(', ')})`, `(${xs.slice(1).join(', ')})`)
    })
    equal('p=5,q=2;p=7,q=2', '(5,2),(7,2)')
    unequal('p=5,q=2;p=7,q=2', 'q=5,p=2;q=7,p=2')
  })

  test('a matrix is its entries at their places', () => {
    const square = fc.tuple(small, small, small, small)
    const written = (rows: readonly (readonly number[])[], kind = 'pmatrix'): string =>
      `\\begin{${kind}} ${rows.map((row) => row.join(' & ')).join(' \\\\ ')} \\end{${kind}}`
    law(fc.tuple(square, square), ([[a, b, c, d], [e, f, g, h]]) => {
      const [x, y] = [[[a, b], [c, d]], [[e, f], [g, h]]] // prettier-ignore
      equal(written(x), `\\left[\\begin{array}{cc}${a} & ${b} \\\\ ${c} & ${d} \\\\ \\end{array}\\right]`)
      equal(written([[a + e, b + f], [c + g, d + h]]), `${written(x)} + ${written(y, 'bmatrix')}`) // prettier-ignore
      equal(written([[a * e + b * g, a * f + b * h], [c * e + d * g, c * f + d * h]]), `${written(x)} ${written(y)}`) // prettier-ignore
      equal(written([[2 * a, 2 * b], [2 * c, 2 * d]]), `2${written(x)}`) // prettier-ignore
      if (b !== c) unequal(written(x), written([[a, c], [b, d]])) // prettier-ignore
      unequal(written(x), written([[a + 1, b], [c, d]])) // prettier-ignore
      unequal(written(x), written([[a, b, 0], [c, d, 0]])) // prettier-ignore
    })
  })

  test('a ratio is proportional, and a time is not', () => {
    law(fc.tuple(whole(99n), whole(99n), whole(9n, 2n)), ([a, b, k]) => {
      equal(`${100n * a}:${100n * b}`, `${100n * k * a}:${100n * k * b}`)
      equal(`${a}:${b}:${k}`, `${k * a} : ${k * b} : ${k * k}`)
      equal(`AB : CD = ${a} : ${b}`, `\\frac{${a}}{${b}}`)
      unequal(`${100n * a}:${100n * b}`, `${100n * a}:${100n * b + 1n}`)
      if (a !== b) unequal(`${100n * a}:${100n * b}`, `${100n * b}:${100n * a}`)
    })
    law(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 10, max: 59 })), ([h, m]) => {
      equal(`${h}:${m}`, `$${h}:${m}$`)
      unequal(`${h}:${m}`, `${h}:${m === 59 ? 10 : m + 1}`)
      unequal(`${h}:${m} \\text{ a.m.}`, `${h}:${m} \\text{ p.m.}`)
    })
    unequal('1:15', '2:30')
  })

  test('of a chain of equations the last side is the answer, before what is only near', () => {
    law(fc.tuple(small, small), ([a, b]) => {
      equal(String(a), `x = ${b} + ${a - b} = ${a}`)
      equal(`x = ${a}`, `x = ${b} + ${a - b} = ${a}`)
      equal(`\\frac{${a}}{7}`, `f(x) = \\frac{${a}}{7} \\approx ${(a / 7).toFixed(2)}`)
      equal(String(a), `f(2) = ${a}`)
      equal(String(a), `\\text{Area} = ${a}`)
      unequal(String(a), `x = ${a} = ${a + 1}`)
      unequal(`x = ${a}`, `y = ${a}`)
      unequal(String(a), `2x = ${a}`)
      unequal(String(a), `${a} = ${a + 1}`)
    })
  })
})

describe('words', () => {
  test('are the same but for case and punctuation, and no products of letters', () => {
    law(fc.string({ unit: fc.constantFrom(...Array.from('bdgkmtwz')), minLength: 3, maxLength: 12 }), (word) => {
      equal(word, `\\text{${word.toUpperCase()}}`)
      equal(word, `\\mathrm{ ${word}. }`)
      unequal(word, `${word}x`)
      const swapped = word.slice(1) + word.slice(0, 1)
      if (swapped !== word) unequal(word, swapped)
    })
    equal('\\text{(C)}', 'C')
    equal('\\text{e}', 'e')
    unequal('\\text{E}', 'e')
    unequal('(C)', '(B)')
    equal('No', '\\text{no}')
    unequal('no', 'on')
  })
})
