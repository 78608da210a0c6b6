import { expect, test } from 'vitest'
import * as absent from './absent.ts'
import * as disk from './disk.ts'

test('what stands in for the disk has all of its names, so that a bundle for browsers links', () => {
  expect(Object.keys(absent).sort()).toEqual(Object.keys(disk).sort())
})

test('files are refused with what to do instead', () => {
  expect(() => absent.join('a', 'b')).toThrow('`files` of your own')
})
