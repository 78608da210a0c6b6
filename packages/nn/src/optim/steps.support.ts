/** Optimizers on plain numbers, for tests: a few steps, on the reference or compiled on a device with the state donated. */
import { type Device, jit, readAsync, type Shape, tensor, tree, type Tree } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Floats } from '../layer.ts'
import { applyUpdates, type ExtraArguments, type GradientTransformation } from './transformation.ts'

/** Leaves by name, as numbers with a shape. */
export interface Numbers {
  readonly [name: string]: { readonly shape: Shape; readonly data: readonly number[] }
}
export type Leaves = Readonly<Record<string, Floats>>

export const leavesOf = (given: Numbers): Leaves =>
  Object.fromEntries(Object.entries(given).map(([name, { shape, data }]) => [name, tensor([...data], shape)]))

/** All elements, in the order of the leaves, in double precision. */
export const values = (t: Tree): readonly number[] => evaluate(tree.leaves(t)).flatMap((v) => [...v.data])
export const readAll = async (t: Tree, device: Device): Promise<readonly number[]> =>
  (await Promise.all(tree.leaves(t).map((x) => readAsync(x, device)))).flatMap((x) => [...x])

/** Parameters after steps along given gradients, on the reference. */
export const follow = <S extends Tree>(
  optimizer: GradientTransformation<S>,
  start: Leaves,
  gradients: readonly Leaves[],
  extra?: (step: number) => ExtraArguments,
): readonly [Leaves, S] => {
  let [params, state] = [start, optimizer.init(start)]
  gradients.forEach((g, i) => {
    const [updates, next] = optimizer.update(g, state, params, extra?.(i))
    params = applyUpdates(params, updates)
    state = next
  })
  return [params, state]
}

/** The same by one compiled step, with parameters and state donated. */
export const followOn = async (
  device: Device,
  optimizer: GradientTransformation,
  start: Leaves,
  gradients: readonly Leaves[],
): Promise<readonly number[]> => {
  const step = jit(
    (params: Leaves, state: Tree, g: Leaves) => {
      const [updates, next] = optimizer.update(g, state, params)
      return [applyUpdates(params, updates), next] as const
    },
    { donate: [0, 1], device },
  )
  let [params, state]: readonly [Leaves, Tree] = [start, optimizer.init(start)]
  for (const g of gradients) [params, state] = step(params, state, g)
  return readAll(params, device)
}

export const near = (found: readonly number[], wanted: readonly number[], digits = 5): void => {
  expect(found).toHaveLength(wanted.length)
  found.forEach((x, i) => {
    const size = Math.max(1, Math.abs(wanted[i]!))
    expect(x / size, `element ${i}: ${x} instead of ${wanted[i]!}`).toBeCloseTo(wanted[i]! / size, digits)
  })
}

// Numbers that are exact in single precision, 0 often among them.
const eighths = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -40, max: 40 }).map((n) => n / 8) },
  { weight: 1, arbitrary: fc.constant(0) },
)
const sizes: readonly (readonly number[])[] = [[], [1], [3], [2, 3], [3, 2], [1, 4], [2, 2, 3], [0], [2, 0]]
const numbersOf = (shapes: readonly (readonly number[])[]): fc.Arbitrary<Numbers> =>
  fc
    .tuple(
      ...shapes.map((shape) => {
        const n = shape.reduce((a, b) => a * b, 1)
        return fc.array(eighths, { minLength: n, maxLength: n }).map((data) => ({ shape, data }))
      }),
    )
    .map((leaves) => Object.fromEntries(leaves.map((leaf, i) => [`leaf${i}`, leaf])))

/** Parameters, and gradients of one to four steps: up to three leaves, scalars and empty ones among them, or none. */
export const problems = fc
  .array(fc.constantFrom(...sizes), { minLength: 0, maxLength: 3 })
  .chain((shapes) =>
    fc.record({ start: numbersOf(shapes), steps: fc.array(numbersOf(shapes), { minLength: 1, maxLength: 4 }) }),
  )

/** One leaf's elements after steps, by loops over numbers. */
export type Plain = (p: number[], gradients: readonly (readonly number[])[], shape: Shape) => void

/** What `plain` makes of each leaf by itself, in the order of the leaves. */
export const byLoops = (plain: Plain, start: Numbers, steps: readonly Numbers[]): readonly number[] =>
  Object.keys(start)
    .sort()
    .flatMap((name) => {
      const p = [...start[name]!.data]
      plain(
        p,
        steps.map((g) => g[name]!.data),
        start[name]!.shape,
      )
      return p
    })

/** The optimizer, leaf by leaf, is what the loops say. */
export const isPlain = (optimizer: GradientTransformation, plain: Plain, digits = 5): void => {
  fc.assert(
    fc.property(problems, ({ start, steps }) => {
      const [params] = follow(optimizer, leavesOf(start), steps.map(leavesOf))
      near(values(params), byLoops(plain, start, steps), digits)
    }),
    { seed: 1, numRuns: 40 },
  )
}
