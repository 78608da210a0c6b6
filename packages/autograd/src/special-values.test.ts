/** Derivatives at corners, far out, and of what has been set aside: finite, and the same on every device. */
import * as T from '@adjoint/tensor'
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { grad, hvp, jvp } from './index.ts'

type Vec = T.Tensor<readonly number[], 'f32'>
const devices = await presentDevices()
const vec = (...xs: readonly number[]): Vec => T.tensor(Float32Array.from(xs), [xs.length])
const total = (x: Vec): T.Scalar => T.sum()(x)

describe.each(devices.map((device) => [device.kind, device] as const))('on %s', (_, device) => {
  const read = async (x: T.Tensor): Promise<readonly number[]> => Array.from(await T.readAsync(x, device), (v) => v + 0)
  const slopes = (f: (x: Vec) => Vec, xs: Vec): Promise<readonly number[]> => read(grad((x: Vec) => total(f(x)))(xs))
  const curvatures = (f: (x: Vec) => Vec, xs: Vec): Promise<readonly number[]> =>
    slopes((x) => grad((z: Vec) => total(f(z)))(x), xs)

  const functions: Readonly<Record<string, (x: Vec) => Vec>> = {
    exp: T.exp,
    exp2: T.exp2,
    expm1: T.expm1,
    log: T.log,
    log2: T.log2,
    log1p: T.log1p,
    sqrt: T.sqrt,
    rsqrt: T.rsqrt,
    reciprocal: T.reciprocal,
    sin: T.sin,
    cos: T.cos,
    tan: T.tan,
    sinh: T.sinh,
    cosh: T.cosh,
    tanh: T.tanh,
    sigmoid: T.sigmoid,
    erf: T.erf,
    abs: T.abs,
    square: T.square,
    gelu: T.gelu,
    silu: T.silu,
    softplus: T.softplus,
    'x log x': (x) => T.mul(x, T.log(x)),
    '1 / x': (x) => T.div(1, x),
    'x / x': (x) => T.div(x, x),
    'x^-0.5': (x) => T.pow(x, -0.5),
    'x^1.7': (x) => T.pow(x, 1.7),
    'x^x': (x) => T.pow(x, x),
    '2^x': (x) => T.pow(2, x),
    'x mod x': (x) => T.mod(x, x),
    'exp^2': (x) => T.square(T.exp(x)),
    'log of log': (x) => T.log(T.log(x)),
  }
  const anything = vec(0, -0, -1, 1e-40, 100, 1000, -1000, 3e38, -3e38, Infinity, -Infinity, NaN)
  it.each(Object.entries(functions))('%s adds nothing where it is set aside, whatever it is there', async (__, f) => {
    const zeros = await read(T.zeros([12]))
    const never = T.lt(T.zeros([12]), T.stopGradient(T.neg(T.ones([12]))))
    const set = (x: Vec): Vec => T.where(never, f(x), 0)
    expect(await slopes(set, anything)).toEqual(zeros)
    expect(await curvatures(set, anything)).toEqual(zeros)
    expect(await read(hvp((x: Vec) => total(set(x)))(anything, T.ones([12])))).toEqual(zeros)
    expect(await read(jvp(set)(anything, T.ones([12]))[1])).toEqual(zeros)
  })

  it('a gradient is linear in its cotangent: forward mode, where that is 0, is not lost', async () => {
    for (const [f, d] of [
      [T.sqrt, 0.25],
      [T.log, 0.25],
      [T.reciprocal, -0.0625],
      [(x: Vec): Vec => T.mul(x, x), 8],
      [(x: Vec): Vec => T.div(8, x), -0.5],
    ] as const)
      expect(await read(jvp(f)(vec(4), vec(1))[1])).toEqual([d])
  })

  it('a norm beside a larger bound, at 0', async () => {
    const norm = (x: Vec): T.Scalar => T.maximum(T.sqrt(total(T.square(x))), 1e-6)
    expect(await read(grad(norm)(vec(0, 0, 0)))).toEqual([0, 0, 0])
    expect(await read(grad(norm)(vec(3, 4)))).toEqual([Math.fround(0.6), Math.fround(0.8)])
    expect(await read(hvp(norm)(vec(0, 0, 0), vec(1, 1, 1)))).toEqual([0, 0, 0])
  })

  it('the derivative of a root at 0 is infinite where it counts', async () => {
    expect(await slopes(T.sqrt, vec(0, 1))).toEqual([Infinity, 0.5])
    expect(await slopes(T.log, vec(0, 2))).toEqual([Infinity, 0.5])
  })

  it('abs at 0, relu and softplus there, clamp at its bounds and with crossed ones', async () => {
    expect(await slopes(T.abs, vec(0, -0, -2))).toEqual([0, 0, -1])
    expect(await slopes(T.relu, vec(0, -0, 2, -2))).toEqual([0, 0, 1, 0])
    expect(await slopes(T.softplus, vec(0, 1e20, -1e20, 3e38))).toEqual([0.5, 1, 0, 1])
    expect(await slopes(T.clamp(-1, 1), vec(-2, -1, 0, 1, 2))).toEqual([0, 1, 1, 1, 0])
    expect(await slopes(T.clamp(1, -1), vec(-2, 0, 2))).toEqual([0, 0, 0])
  })

  it('powers: x^0 is flat in x, 0^y in y', async () => {
    const both = async (x: readonly number[], y: readonly number[]): Promise<readonly (readonly number[])[]> =>
      Promise.all(
        [0, 1].map(async (which) => {
          const parts = [vec(...x), vec(...y)] as const
          return read(grad((v: Vec) => total(which === 0 ? T.pow(v, parts[1]) : T.pow(parts[0], v)))(parts[which]!))
        }),
      )
    const inBase = await both([0, 1, -1, 3e38, 1e-40, Infinity, NaN], [0, 0, 0, 0, 0, 0, 0])
    expect(inBase[0]).toEqual([0, 0, 0, 0, 0, 0, 0])
    expect(inBase[1]!.slice(0, 2)).toEqual([0, 0])
    expect(await both([0, 0, 0, 0], [1, 2, 3, 0.5])).toEqual([
      [1, 0, 0, Infinity],
      [0, 0, 0, 0],
    ])
    expect((await both([-2, -2, -1], [2, 3, 4]))[0]).toEqual([-4, 12, -4])
    expect((await both([3.4e38, -1], [1, Infinity]))[0]![0]).toBe(1)
    expect((await both([1, 4], [3, 0]))[1]).toEqual([0, Math.fround(Math.log(4))])
    // d/dy (y x^(y-1)) at y = 0 is 1 / x
    const inX = (y: Vec): Vec => grad((x: Vec) => total(T.pow(x, y)))(vec(4, 0.5))
    expect(await read(grad((y: Vec) => total(inX(y)))(vec(0, 0)))).toEqual([0.25, 2])
  })

  it('maximum and minimum: half to each at a tie, zeros of both signs included; nothing through NaN', async () => {
    for (const f of [T.maximum, T.minimum]) {
      const x = vec(1, 0, NaN, 1, NaN)
      const y = vec(1, -0, 1, NaN, NaN)
      expect(await slopes((v) => f(v, y), x)).toEqual([0.5, 0.5, 0, 0, 0])
      expect(await slopes((v) => f(x, v), y)).toEqual([0.5, 0.5, 0, 0, 0])
      expect((await read(f(x, y))).slice(2)).toEqual([NaN, NaN, NaN])
    }
  })

  it.each([
    ['gelu', T.gelu, 1e-5],
    ['geluExact', T.geluExact, 1e-5],
    ['silu', T.silu, 1e-3],
    ['softplus', T.softplus, 1e-3],
  ] as const)('%s is straight far out: slopes 1 and 0, no curvature', async (__, f, tolerance) => {
    const far = [3e38, 1e30, 1e20, 1e13, 1e5, 500, 40, 10]
    const near = (got: readonly number[], want: number): void => {
      got.forEach((v, i) => expect(Math.abs(v - want), `at ${i}: ${v}`).toBeLessThanOrEqual(tolerance))
    }
    near(await slopes(f, vec(...far)), 1)
    near(await slopes(f, vec(...far.map((x) => -x))), 0)
    near(await curvatures(f, vec(...far)), 0)
    near(await curvatures(f, vec(...far.map((x) => -x))), 0)
  })
})
