// What plain JavaScript may pass to control flow: errors that name the operation, and say what to do.
import { describe, expect, it } from 'vitest'
import { cast, cond, foriLoop, gt, scalar, scan, tensor, whileLoop, type Scalar } from '../index.ts'

/** As plain JavaScript calls it. */
const plainly = (f: unknown): ((...args: readonly unknown[]) => never) => f as (...args: readonly unknown[]) => never
const x = scalar(1)
const same = (c: Scalar): Scalar => c

describe('cond', () => {
  const choosing = (pred: unknown) => () => plainly(plainly(cond)(pred, same, same))(x)
  it('by what is no tensor', () => {
    expect(choosing(true)).toThrow('cond: argument pred is a boolean, not a tensor. Pass a tensor')
    expect(choosing(undefined)).toThrow('cond: argument pred is undefined, not a tensor.')
    expect(choosing(() => true)).toThrow('cond: argument pred is a function, not a tensor. Call it first')
  })
  it('by what is no bool scalar', () => {
    for (const pred of [x, gt(tensor([1, 2]), 0)]) expect(choosing(pred)).toThrow('takes a bool scalar to choose by')
  })
  it('of branches that differ', () => {
    const differing = plainly(cond)(gt(x, 0), same, cast('i32'))
    expect(() => plainly(differing)(x)).toThrow(
      expect.objectContaining({ name: 'DTypeError', message: expect.stringContaining('f32[] and i32[]') as unknown }),
    )
    expect(() => plainly(plainly(cond)(gt(x, 0), x, same))(x)).toThrow('cond: takes a function, not a tensor.')
  })
})

describe('rounds', () => {
  it.each([-1, 1.5, 2 ** 31, NaN])('are not %d in number', (n) => {
    expect(() => foriLoop(n, (_, c: Scalar) => c)(x)).toThrow(
      `foriLoop: ${n} rounds. Give a whole number from 0 to 2147483647.`,
    )
    expect(() => plainly(plainly(scan)((c: Scalar) => [c, null], { length: n }))(x, null)).toThrow(`scan: ${n} rounds.`)
  })
  it('keep what can be kept', () => {
    expect(() => plainly(scan)(same, { keep: 'all' })).toThrow(
      "scan: keep is the string all. Choose 'values' or 'carries'.",
    )
    expect(() => plainly(foriLoop(2, (_, c: Scalar) => c, { keep: 'nothing' as never }))(x)).toThrow(
      /Choose 'values' or/,
    )
  })
})

describe('a function that returns something else', () => {
  it.each([
    [undefined, 'scan: the function returned undefined. Return [carry, y]'],
    [Promise.resolve(), 'scan: the function returned a promise. Return [carry, y]'],
    [[[x], null], 'scan: the carry is * and becomes [*] in a round'],
    [[cast('i32')(x), null], 'the carry is f32[] and becomes i32[] in a round'],
    [[tensor([1, 2]), null], 'the carry is f32[] and becomes f32[2] in a round'],
  ])('%o', (returned, message) => {
    expect(() => plainly(plainly(scan)(() => returned, { length: 2 }))(x, null)).toThrow(message)
  })
  it('than a bool scalar, for a test', () => {
    for (const test of [(c: Scalar) => c, (c: Scalar) => [gt(c, 0), gt(c, 0)]])
      expect(() => plainly(plainly(whileLoop)(test, same))(x)).toThrow('whileLoop')
  })
})
