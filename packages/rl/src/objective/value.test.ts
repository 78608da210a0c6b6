import { grad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { presentDevices } from '@adjoint/testing'
import { readAsync, scalar, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { allNear, law, many, near, sumOf, value, values } from '../policy/rollouts.support.ts'
import { sequenceMean } from './aggregate.ts'
import { type ValueConfig, valueLoss } from './value.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const [B, T] = [3, 4]
const number = fc.integer({ min: -96, max: 96 }).map((n) => n / 32)
interface Host {
  readonly lengths: readonly number[]
  readonly values: readonly number[]
  readonly old: readonly number[]
  readonly returns: readonly number[]
}
const hosts: fc.Arbitrary<Host> = fc.record({
  lengths: many(fc.nat(T), B),
  values: many(number, B * T),
  old: many(number, B * T),
  returns: many(number, B * T),
})
const maskOf = ({ lengths }: Host): readonly number[] =>
  lengths.flatMap((n) => Array.from({ length: T }, (_, t) => (t < n ? 1 : 0)))
const grid = (xs: readonly number[]): Floats => tensor([...xs], [xs.length / T, T])
const expected = (h: Host) => ({
  mask: grid(maskOf(h)),
  oldValues: grid(h.old),
  returns: grid(h.returns),
  totals: null,
})
const of = (config: ValueConfig, h: Host) => valueLoss(config)(expected(h))(grid(h.values))
const slope = (config: ValueConfig, h: Host): readonly number[] =>
  values(grad((v: Floats) => valueLoss(config)(expected(h))(v).loss)(grid(h.values)))
const tokens = (h: Host): number => Math.max(1, sumOf(h.lengths))
// No multiple of what the values are multiples of: nothing lies on the bound, or as far from the return as it.
const clip = 0.51

describe('the value loss', () => {
  law('is the mean over tokens of max((V - R)^2, (clip(V, V_old +- eps) - R)^2) / 2', hosts, (h) => {
    const each = h.values.map((v, i) => {
      const bounded = Math.min(Math.max(v, h.old[i]! - clip), h.old[i]! + clip)
      return Math.max((v - h.returns[i]!) ** 2, (bounded - h.returns[i]!) ** 2) / 2
    })
    return near(value(of({ clip }, h).loss), sumOf(each.map((x, i) => x * maskOf(h)[i]!)) / tokens(h))
  })

  law('has no gradient where a value has gone beyond eps the way of its return, and V - R elsewhere', hosts, (h) => {
    const mask = maskOf(h)
    return slope({ clip }, h).every((g, i) => {
      const [v, old, R] = [h.values[i]!, h.old[i]!, h.returns[i]!]
      const bounded = Math.min(Math.max(v, old - clip), old + clip)
      const held = Math.abs(bounded - R) > Math.abs(v - R)
      return near(g, held ? 0 : (mask[i]! * (v - R)) / tokens(h))
    })
  })

  law('counts the tokens that are held', hosts, (h) => {
    const count = sumOf(
      h.values.map((v, i) => {
        const bounded = Math.min(Math.max(v, h.old[i]! - clip), h.old[i]! + clip)
        return maskOf(h)[i] === 1 && Math.abs(bounded - h.returns[i]!) > Math.abs(v - h.returns[i]!) ? 1 : 0
      }),
    )
    return near(value(of({ clip }, h).clipped), count / tokens(h))
  })

  law('without a bound is half the mean square, and that of a wide bound', hosts, (h) => {
    const [free, wide] = [{ clip: Infinity }, { clip: 100 }]
    return (
      near(value(of(free, h).loss), value(of(wide, h).loss)) &&
      allNear(slope(free, h), slope(wide, h)) &&
      value(of(free, h).clipped) === 0 &&
      value(of({ clip }, h).loss) >= value(of(free, h).loss) - 1e-6
    )
  })

  law(
    'of parts adds up to the whole, whatever stands under the padding',
    fc.tuple(hosts, fc.constantFrom(NaN, 1e30, -Infinity)),
    ([h, junk]) => {
      const mask = maskOf(h)
      const dirty = (xs: readonly number[]): readonly number[] => xs.map((x, i) => (mask[i] === 1 ? x : junk))
      const part = (from: number, to: number): Host => ({
        lengths: h.lengths.slice(from, to),
        values: dirty(h.values).slice(from * T, to * T),
        old: dirty(h.old).slice(from * T, to * T),
        returns: dirty(h.returns).slice(from * T, to * T),
      })
      const totals = { sequences: scalar(B), tokens: scalar(sumOf(h.lengths)) }
      return [undefined, sequenceMean].every((aggregate) => {
        const config = { clip, ...(aggregate === undefined ? {} : { aggregate }) }
        const parts = [part(0, 1), part(1, B)]
        const losses = parts.map((p) => valueLoss(config)({ ...expected(p), totals })(grid(p.values)))
        const slopes = parts.flatMap((p) =>
          values(grad((v: Floats) => valueLoss(config)({ ...expected(p), totals })(v).loss)(grid(p.values))),
        )
        return (
          near(sumOf(losses.map(({ loss }) => value(loss))), value(of(config, h).loss)) &&
          near(sumOf(losses.map(({ clipped }) => value(clipped))), value(of(config, h).clipped)) &&
          allNear(slopes, slope(config, h))
        )
      })
    },
  )

  test('is finite for values and returns of any size, on every device', async () => {
    const sizes = [0, 1, -1e4, 1e15, -1e30, 1e30]
    const all = sizes.flatMap((v) => sizes.flatMap((o) => sizes.map((r) => [v, o, r] as const)))
    const column = (i: 0 | 1 | 2): Floats =>
      tensor(
        all.map((x) => x[i]),
        [all.length, 1],
      )
    const at = {
      mask: tensor(
        all.map(() => 1),
        [all.length, 1],
      ),
      oldValues: column(1),
      returns: column(2),
      totals: null,
    }
    for (const config of [{}, { clip: 0 }, { clip: Infinity }]) {
      const f = (v: Floats) => valueLoss(config)(at)(v).loss
      for (const device of devices) {
        const found = [await readAsync(f(column(0)), device), await readAsync(grad(f)(column(0)), device)]
        expect(found.every((xs) => Array.from(xs).every(Number.isFinite))).toBe(true)
      }
    }
  })

  test('a negative bound is refused', () => {
    expect(() => valueLoss({ clip: -1 })).toThrow(/valueLoss: clip is -1/)
  })
})
