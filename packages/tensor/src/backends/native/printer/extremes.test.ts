import { describe, expect, it } from 'vitest'
import * as I from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import { openTrial } from './running.support.ts'

const trial = await openTrial()
const special = [0, -0, Infinity, -Infinity, NaN, 2 ** -149, -(2 ** -149), 1, -1, 3.4028234663852886e38, -2.5]
const pairs = special.flatMap((x) => special.map((y) => [x, y] as const))
const f32 = (write: boolean) => ({ dtype: 'f32', size: pairs.length, read: !write, write }) as const

const elementwise = (op: 'max' | 'min'): LoopKernel => {
  const i = { id: 0, extent: pairs.length }
  const at = I.ofAxis(i)
  return {
    kind: 'loop',
    name: op,
    buffers: [f32(false), f32(false), f32(true)],
    rows: [i],
    cols: [],
    reductions: [],
    stores: [
      {
        buffer: 2,
        at,
        value: S.binary(op, S.load(0, at, 'f32'), S.load(1, at, 'f32')),
        scope: 'row',
        mode: 'set',
      },
    ],
  }
}

describe.runIf(trial !== null)('the greater and the lesser of two numbers', () => {
  it.each([
    ['max', Math.max],
    ['min', Math.min],
  ] as const)('%s tells zeros apart and keeps NaN, as Math.%s does', { timeout: 60_000 }, (op, of) => {
    const [run] = trial!.compile([elementwise(op)])
    const out = new Float64Array(pairs.length)
    run!([Float64Array.from(pairs, ([x]) => x), Float64Array.from(pairs, ([, y]) => y), out])
    expect(out).toEqual(Float64Array.from(pairs, ([x, y]) => Math.fround(of(x, y))))
    expect([...out].map((v) => Object.is(v, -0))).toEqual(pairs.map(([x, y]) => Object.is(of(x, y), -0)))
  })
})
