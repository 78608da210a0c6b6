import { expect, it } from 'vitest'
import * as p from '../../primitives/index.ts'
import { wasmDevice } from './device.ts'

it('kernels are compiled once, and a thousand modules later the unused are compiled again', () => {
  const device = wasmDevice()
  const program = (n: number) => {
    const x = p.parameter({ shape: [4], dtype: 'f32' })
    return device.compile({ inputs: [x], outputs: [p.mul(x, p.fill([4], 'f32', n + 0.5))], donated: [false] })
  }
  const used = program(0)
  program(1).release()
  const made = () => device.stats().pipelines
  const before = made()
  program(0)
  program(1)
  expect(made()).toBe(before)
  for (let n = 2; n < 1100; n++) {
    program(n).release()
    if (n % 100 === 0) program(0).release()
  }
  expect(made()).toBe(before + 1098)
  program(0)
  expect(made()).toBe(before + 1098)
  program(1)
  expect(made()).toBe(before + 1099)
  const x = device.upload(Float32Array.of(1, 2, 3, 4), { shape: [4], dtype: 'f32' })
  expect(used.run([x])).toHaveLength(1)
})
