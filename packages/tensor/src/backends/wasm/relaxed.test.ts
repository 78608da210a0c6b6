/** Products by Relaxed SIMD: asked for, refused where the engine has none, and right where it has. */
import fc from 'fast-check'
import { setFlagsFromString } from 'node:v8'
import { beforeAll, describe, expect, it } from 'vitest'
import { broadcastTo, matmul, random, readAsync, tensor } from '../../index.ts'
import { type Choice, choices, kernelOf, odd, rowForms, rowKernelOf } from '../linear/dot-kernels.support.ts'
import { wasmDevice } from './device.ts'
import { createKernels } from './kernels.ts'
import { encodeModule } from './printer/encode.ts'
import { printDot } from './printer/dot.ts'
import { shippedProducts } from './printer/kernel.ts'
import { agrees } from './printer/running.support.ts'
import { hasRelaxedSimd } from './relaxed.ts'

const older = Number(process.versions.node.split('.')[0]) < 22

describe('Relaxed SIMD, where the engine has none,', () => {
  it.runIf(older)('is refused with a reason, and only where it is asked for', () => {
    expect(hasRelaxedSimd()).toBe(false)
    expect(() => wasmDevice({ relaxed: true })).toThrow(
      /wasmDevice: relaxed: this engine has none; Node has it from 22 on/,
    )
    expect(wasmDevice({ relaxed: false }).label).toBe('WebAssembly SIMD')
  })

  it('is true or false, and its variable on or off', () => {
    expect(() => wasmDevice({ relaxed: 1 as unknown as boolean })).toThrow(
      /relaxed is the number 1; it takes true or false/,
    )
    process.env['ADJOINT_RELAXED'] = 'yes'
    try {
      expect(() => wasmDevice()).toThrow(/ADJOINT_RELAXED is 'yes'; it takes on or off/)
      expect(wasmDevice({ relaxed: false }).label).toBe('WebAssembly SIMD')
    } finally {
      delete process.env['ADJOINT_RELAXED']
    }
  })
})

describe('products by Relaxed SIMD', () => {
  // Node has it from 22 on; before, behind this flag of its engine.
  beforeAll(() => {
    if (older) setFlagsFromString('--experimental-wasm-relaxed-simd')
  })
  const halves = fc.constantFrom('f32', 'f16', 'bf16')
  const stored = (of: fc.Arbitrary<Choice>): fc.Arbitrary<Choice> =>
    fc.tuple(of, halves, halves).map(([choice, a, b]) => ({ ...choice, stored: [a, b] }))

  it('agree with the interpreter on every layout, edge, dtype, prologue and epilogue', () => {
    expect(hasRelaxedSimd()).toBe(true)
    fc.assert(
      fc.property(stored(choices(odd, 3)), fc.integer(), (choice, seed) => {
        const kernel = kernelOf(choice)
        return agrees(kernel, printDot(kernel, null, true), seed)
      }),
      { seed: 5, numRuns: 200 },
    )
  })

  it('agree where rows of sums are reduced, and where k is cut into blocks', () => {
    fc.assert(
      fc.property(choices(odd, 3), rowForms, fc.integer(), (choice, form, seed) => {
        const kernel = rowKernelOf(choice, form)
        return agrees(kernel, printDot(kernel, null, true), seed, 1e-4)
      }),
      { seed: 6, numRuns: 60 },
    )
    for (const [m, k] of [
      [2, 520],
      [259, 257],
    ] as const) {
      const [choice] = fc.sample(choices(fc.constantFrom(18), 1), { seed: 7, numRuns: 1 })
      const kernel = kernelOf({ ...choice!, m, k })
      expect(agrees(kernel, printDot(kernel, null, true), m, 2e-3)).toBe(true)
    }
  })

  it('round a product and its sum once where the processor can', async () => {
    // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, of which a product that is rounded keeps the first two.
    const x = 1 + 2 ** -12
    const product = async (relaxed: boolean): Promise<number> => {
      const a = tensor([1, x, 1, x, 1, x, 1, x], [4, 2])
      const b = broadcastTo([2, 32])(tensor([-(1 + 2 ** -11), x], [2, 1]))
      return (await readAsync(matmul(a, b), wasmDevice({ relaxed })))[37]!
    }
    expect(await product(false)).toBe(0)
    expect([0, 2 ** -24]).toContain(await product(true))
  })

  it('are another code than those of plain SIMD, whose bits no number of threads changes', async () => {
    const kernel = kernelOf(fc.sample(choices(fc.constantFrom(8), 1), { seed: 1, numRuns: 1 })[0]!)
    const codeOf = (fused: boolean): string =>
      encodeModule([printDot(kernel, null, fused).run], { shared: false }).join()
    expect(codeOf(true)).not.toBe(codeOf(false))
    expect(codeOf(false)).toBe(encodeModule([printDot(kernel).run], { shared: false }).join())
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 })
    expect(createKernels(() => memory, null, undefined, { ...shippedProducts, fused: true }).of([kernel])).toHaveLength(
      1,
    )
    const [a, b] = [random.normal()(random.key(0), [33, 70]), random.normal()(random.key(1), [70, 19])]
    const plain = await readAsync(matmul(a, b), wasmDevice())
    const bits = new Set<string>()
    for (const threads of [1, 2, 3]) {
      const device = wasmDevice({ relaxed: true, threads })
      expect(device.label).toBe('WebAssembly Relaxed SIMD')
      const got = await readAsync(matmul(a, b), device)
      got.forEach((x, i) => {
        expect(Math.abs(x - plain[i]!)).toBeLessThan(1e-5)
      })
      bits.add(got.join())
    }
    expect(bits.size).toBe(1)
  })
})
