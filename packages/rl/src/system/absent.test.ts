import { expect, test } from 'vitest'
import * as absent from './absent.ts'
import * as node from './node.ts'

test('what stands in for Node has all of its names, so that a bundle for browsers links', () => {
  expect(Object.keys(absent).sort()).toEqual(Object.keys(node).sort())
})

test('files are refused with what to do instead', () => {
  expect(() => absent.open()).toThrow('call the step of an algorithm (grpoStep)')
})

test.each([
  ['a', "'a'"],
  [undefined, 'undefined'],
  [{ a: [1] }, '{"a":[1]}'],
  [{ a: 1n }, '[object Object]'],
])('shows %o', (value, shown) => {
  expect(absent.inspect(value)).toBe(shown)
})
