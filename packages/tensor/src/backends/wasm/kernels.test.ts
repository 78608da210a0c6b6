import { expect, it } from 'vitest'
import type { LoopKernel } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import * as I from '../../loops/ix.ts'
import * as p from '../../primitives/index.ts'
import { wasmDevice } from './device.ts'
import { createKernels } from './kernels.ts'

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

it('modules are remembered by their bytes as well: the one used longest ago goes first', () => {
  const x = { id: 0, extent: 4 }
  const kernel = (factor: number): LoopKernel => ({
    kind: 'loop',
    name: 'scale',
    buffers: [{ dtype: 'f32', size: 4, read: true, write: true }],
    rows: [x],
    cols: [],
    reductions: [],
    stores: [
      {
        buffer: 0,
        at: I.ofAxis(x),
        value: S.binary('mul', S.load(0, I.ofAxis(x), 'f32'), S.constant('f32', factor)),
        scope: 'row',
        mode: 'set',
      },
    ],
  })
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 })
  const [first, second] = [kernel(2), kernel(3)]
  const one = createKernels(() => memory, null, { count: Infinity, bytes: 1 }) // the last module always stays
  one.of([first])
  one.of([second])
  one.of([second])
  expect(one.made()).toBe(2)
  one.of([first])
  expect(one.made()).toBe(3)
  const all = createKernels(() => memory, null, { count: Infinity, bytes: 2 ** 16 })
  for (const k of [first, second, first, second]) all.of([k])
  expect(all.made()).toBe(2)
})
