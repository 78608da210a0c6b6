// What a scan is made into is made once: its pullback, and its round.
import { expect, it } from 'vitest'
import type { Expr, Node } from '../graph/expr.ts'
import { trace } from '../graph/graph.ts'
import * as p from '../primitives/index.ts'
import { leading, pulledBack, savingParams } from './saving.ts'
import { scanP } from './scan.ts'
import type { ScanParams } from './scan-params.ts'

const f32 = (...shape: number[]): Expr => p.parameter({ shape, dtype: 'f32' })

/** c' = sin(w c) + x and rows c' x, over 5 rows. */
const params: ScanParams = {
  body: trace(
    'scan',
    ([w, c, x]) => {
      const next = p.add(p.sin(p.mul(w!, c!)), x!)
      return [next, p.mul(next, x!)]
    },
    [f32(4), f32(4), f32(4)],
  ).graph,
  operands: 1,
  carries: 1,
  length: 5,
  reverse: false,
  keep: 'values',
  saved: null,
}
const args = [f32(4), f32(4), f32(5, 4)]
const wanted = [true, true, true]

it('the pullback of a body that saves is that of the body it was made of', () => {
  const saving = savingParams(params, wanted)
  const to = leading(saving, wanted)
  expect(saving.body.outputs.length).toBeGreaterThan(params.body.outputs.length)
  const flags = saving.body.outputs.map((_, i) => i < params.body.outputs.length)
  const once = pulledBack(params.body, [true, true], to)
  const again = pulledBack(saving.body, flags, to)
  expect(again.outs).toEqual(saving.body.outputs)
  expect(once.grads.filter((g) => g !== null)).toHaveLength(3)
  again.grads.forEach((g, i) => {
    expect(g).toBe(once.grads[i])
  })
})

it('loops of one body have one round, and others have others', () => {
  const roundOf = (of: ScanParams): unknown => {
    const { lower } = scanP
    if (lower.kind !== 'composite') throw new Error('a scan is no composite')
    const { node } = lower.expand(args, of)[0]! as { readonly node: Node }
    return (node.params as { readonly body: unknown }).body
  }
  expect(roundOf(params)).toBe(roundOf({ ...params }))
  expect(roundOf(params)).not.toBe(roundOf({ ...params, reverse: true }))
})
