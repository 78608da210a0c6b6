/** What a tensor looks like where a program prints it, and what happens where one computes with it as with a number. */
import fc from 'fast-check'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { add, cast, jit, ones, readAsync, realizeAsync, tensor, wasmDevice, type Tensor } from '../index.ts'

const x = tensor([1, 2.5, 1 / 3, 4, 5, 6], [2, 3])

describe('a tensor is printed', () => {
  test('with its elements where they are at hand', () => {
    expect(String(x)).toBe('Tensor f32[2, 3] on the host\n[[1, 2.5, 0.33333],\n [4, 5, 6]]')
    expect(`x is ${String(tensor([1, 2]))}`).toBe('x is Tensor f32[2] on the host [1, 2]')
    expect(String(cast('bool')(tensor([1, 0])))).toBe('Tensor bool[2], not computed yet')
    expect(String(tensor([], [2, 0]))).toBe('Tensor f32[2, 0] on the host\n[[],\n []]')
    expect(String(tensor([3], []))).toBe('Tensor f32[] on the host 3')
  })

  test('without the graph, anywhere that JavaScript prints it', () => {
    const y = add(x, 1)
    for (const text of [inspect(y), String(y), (JSON.parse(JSON.stringify({ y })) as { readonly y: string }).y])
      expect(text).toBe('Tensor f32[2, 3], not computed yet')
    expect(inspect({ deep: { y } }, { depth: 0 })).not.toContain('prim')
    expect(y.constructor.name).toBe('Tensor') // what a debugger shows
  })

  test('with its device, and with its elements once they were read', async () => {
    const y = await realizeAsync(add(x, 1), wasmDevice())
    expect(String(y)).toBe('Tensor f32[2, 3] on wasm, not read yet')
    await readAsync(y)
    expect(String(y)).toBe('Tensor f32[2, 3] on wasm\n[[2, 3.5, 1.3333],\n [5, 6, 7]]')
  })

  test('while it is traced', () => {
    let seen = ''
    jit((a: Tensor<readonly [2], 'f32'>) => {
      seen = String(a)
      return a
    }).program(ones([2]))
    expect(seen).toBe('Tensor f32[2], an argument of a function that is traced')
  })

  test('shortened in the middle of each axis, like by NumPy, so that its text stays short', () => {
    expect(String(tensor(new Float32Array(100)))).toContain('[0, 0, 0, ..., 0, 0, 0]')
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 3 }), (shape) => {
        const size = shape.reduce((n, d) => n * d, 1)
        expect(String(tensor(new Float32Array(size), shape)).length).toBeLessThan(4000)
      }),
      { seed: 3, numRuns: 50 },
    )
  })
})

test('a list of sizes that was written to is printed all the same', () => {
  const y = tensor([1, 2, 3])
  const sizes: unknown = y.shape
  ;(sizes as number[])[0] = 4
  expect(String(y)).toContain('[1, 2, 3, NaN]')
})

test('JavaScript has no arithmetic of tensors: it is refused with what to write', () => {
  const y: unknown = x
  const number = y as number
  for (const wrong of [
    () => number + 1,
    () => number * 2,
    () => -number,
    () => number < 2,
    () => Math.sin(number),
    // eslint-disable-next-line eqeqeq -- what is tested: the loose comparison asks for a primitive
    () => number == 1,
  ])
    expect(wrong).toThrow(/Tensor f32\[2, 3\]: JavaScript's operators.*add\(x, y\).*await readAsync\(x\)/)
})
