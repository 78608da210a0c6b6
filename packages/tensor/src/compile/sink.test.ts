// What one branch alone reads is computed where it is chosen; what others read too, before.
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import * as t from '../index.ts'
import { evaluate } from '../ir.ts'

type Matrix = t.Tensor<readonly [8, 8], 'f32'>
type Choose = (x: Matrix, p: t.Scalar<'bool'>) => Matrix

const work = (x: Matrix): Matrix => t.matmul(t.sin(x), t.cos(x))
const x = t.tensor(
  Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
  [8, 8],
)
const device = t.wasmDevice({ threads: 1 })
/** Products before and between loops, and those in loops. */
const products = (f: Choose): { readonly outside: number; readonly inside: number } => {
  const count = (steps: t.Program['steps'], depth: number): readonly number[] =>
    steps.flatMap((s) =>
      s.kind === 'loop' ? count(s.steps, depth + 1) : s.kind === 'kernel' && s.kernel.kind === 'dot' ? [depth] : [],
    )
  const depths = count(t.jit(f, { device }).program(x, t.scalar(1, 'bool'))!.steps, 0)
  return { outside: depths.filter((d) => d === 0).length, inside: depths.filter((d) => d > 0).length }
}

const alone: Readonly<Record<string, Choose>> = {
  'made in the branch': (x, p) =>
    t.cond<[], Matrix>(
      p,
      () => work(x),
      () => x,
    )(),
  'made in the other branch': (x, p) =>
    t.cond<[], Matrix>(
      p,
      () => x,
      () => work(x),
    )(),
  'made before, and closed over': (x, p) => {
    const y = work(x)
    return t.cond<[], Matrix>(
      p,
      () => t.sin(y),
      () => x,
    )()
  },
  'passed as an operand': (x, p) =>
    t.cond(
      p,
      (y: Matrix) => y,
      () => t.zeros([8, 8]),
    )(work(x)),
  'made for a branch in a branch': (x, p) =>
    t.cond<[], Matrix>(
      p,
      () =>
        t.cond<[], Matrix>(
          t.gt(t.sum()(x), 0),
          () => work(x),
          () => x,
        )(),
      () => t.neg(x),
    )(),
  'made in the round of a scan': (x, p) =>
    t.scan(
      (c: Matrix, _: t.Scalar<'i32'>) =>
        [
          t.cond<[], Matrix>(
            p,
            () => work(c),
            () => c,
          )(),
          null,
        ] as const,
    )(x, t.arange(3))[0],
}
const shared: Readonly<Record<string, Choose>> = {
  'read by both branches': (x, p) => {
    const y = work(x)
    return t.cond<[], Matrix>(
      p,
      () => t.sin(y),
      () => t.cos(y),
    )()
  },
  'read after the choice, too': (x, p) => {
    const y = work(x)
    return t.add(
      y,
      t.cond<[], Matrix>(
        p,
        () => t.sin(y),
        () => x,
      )(),
    )
  },
}

describe('a product', () => {
  it.each(Object.entries(alone))('%s is computed in that branch', (_, f) => {
    expect(products(f)).toEqual({ outside: 0, inside: 1 })
  })
  it.each(Object.entries(shared))('%s is computed once, before', (_, f) => {
    expect(products(f)).toEqual({ outside: 1, inside: 0 })
  })
  it('that does not change from round to round is computed before the first, whatever the rounds choose', () => {
    const f: Choose = (x) =>
      t.scan(
        (c: Matrix, i: t.Scalar<'i32'>) =>
          [
            t.cond<[], Matrix>(
              t.gt(i, 1),
              () => t.add(c, work(x)),
              () => c,
            )(),
            null,
          ] as const,
      )(x, t.arange(3))[0]
    expect(products(f)).toEqual({ outside: 1, inside: 0 })
  })
})

describe.each((await presentDevices()).map((device) => [device.kind, device] as const))('on %s', (_, device) => {
  it.each(Object.entries({ ...alone, ...shared }))('%s: the values are those of the expression', async (_, f) => {
    const run = t.jit(f, { device })
    for (const p of [0, 1]) {
      const chosen = t.scalar(p, 'bool')
      const found = await t.readAsync(run(x, chosen), device)
      evaluate([f(x, chosen)])[0]!.data.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 4))
    }
  })
})
