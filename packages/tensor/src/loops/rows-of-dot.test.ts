/** The rows of a product are a loop over its sums: what the product stored by itself, and a loop reads, gives the same. */
import fc from 'fast-check'
import { it } from 'vitest'
import { choices, kernelOf, odd, rowForms, rowKernelOf } from '../backends/linear/dot-kernels.support.ts'
import { interpret } from './interpret.ts'
import * as I from './ix.ts'
import { rowsOfDot } from './rows-of-dot.ts'
import * as S from './scalar.ts'
import { verifyKernel } from './verify.ts'

it('the rows of a dot are a loop over its sums', () => {
  fc.assert(
    fc.property(choices(odd, 2), rowForms, (choice, form) => {
      const kernel = rowKernelOf(choice, form)
      verifyKernel(kernel)
      const data = kernel.buffers.map(({ size }, b) =>
        Float64Array.from({ length: size }, (_, i) => Math.sin(b + 1.3 * i)),
      )
      const together = data.map((d) => d.slice())
      interpret(kernel, together)

      const apart = [...data.map((d) => d.slice()), new Float64Array(choice.batch * choice.m * choice.n)]
      const sums = kernel.buffers.length
      const axes = [...kernel.batch, kernel.m, kernel.n]
      const at = I.flatten(
        axes.map(I.ofAxis),
        axes.map((a) => a.extent),
      )
      const plain = kernelOf({ ...choice, epilogue: false })
      const buffer = (read: boolean) => ({ dtype: 'f32', size: apart[sums]!.length, read, write: !read }) as const
      const stores = plain.stores.map((s) => ({ ...s, buffer: sums, at }))
      interpret({ ...plain, buffers: [...kernel.buffers, buffer(false)], stores }, apart)
      const loop = rowsOfDot(kernel, S.load(sums, at, 'f32'))
      interpret({ ...loop, buffers: [...kernel.buffers, buffer(true)] }, apart)
      return together.every((d, b) => d.every((x, i) => Object.is(x, apart[b]![i]!)))
    }),
    { seed: 4, numRuns: 60 },
  )
})
