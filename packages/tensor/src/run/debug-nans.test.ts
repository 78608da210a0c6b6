import { presentDevices } from '@adjoint/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  add,
  cond,
  debugNans,
  debugPrint,
  div,
  exp,
  gt,
  jit,
  log,
  mul,
  NonFiniteError,
  readAsync,
  realizeAsync,
  scalar,
  scan,
  sqrt,
  sub,
  sum,
  type Scalar,
  tensor,
  type Tensor,
  where,
} from '../index.ts'
import { referenceDevice } from '../backends/reference/reference.ts'

const devices = await presentDevices()

type Floats = Tensor<readonly number[], 'f32'>

const failure = async (run: () => Promise<unknown>): Promise<NonFiniteError> => {
  try {
    await run()
  } catch (error) {
    if (error instanceof NonFiniteError) return error
    throw error
  }
  return expect.fail('no error')
}
/** The line of a call, as sites have it. */
const lineHere = (): number => Number(/debug-nans\.test\.ts:(\d+)/.exec(new Error().stack!.split('\n')[2]!)![1])

describe('debugNans', () => {
  test('names the operation that made the first NaN, its line and its operands', async () => {
    let line = 0
    const f = (x: Floats): Floats => {
      const shifted = sub(x, 2)
      line = lineHere() + 1
      const logged = log(shifted)
      return mul(add(logged, 1), 3)
    }
    const error = await failure(() => debugNans(f)(tensor([3, 1, 5])))
    expect(error.op).toBe('log')
    expect(error.site).toContain(`debug-nans.test.ts:${line}:`)
    expect(error.message).toContain('makes NaN at [1] of f32[3]. Its operands: f32[3] from -1 to 3, there -1')
  })

  test('looks into what is compiled, scanned and chosen', async () => {
    const root = (x: Floats): Floats => sqrt(x)
    const inJit = jit((x: Floats) => add(jit(root)(sub(x, 5)), 1))
    expect((await failure(() => debugNans(inJit)(tensor([1])))).op).toBe('sqrt')
    // 2, 1, 0, -1: the fourth round
    const round = (c: Scalar): Scalar => add(mul(sqrt(c), 0), sub(c, 1))
    const inScan = (x: Scalar): Scalar =>
      scan((c: Scalar, _: null) => [round(c), null] as const, { length: 4 })(x, null)[0]
    const error = await failure(() => debugNans(inScan)(scalar(2)))
    expect(error.op).toBe('sqrt')
    expect(error.message).toContain('f32[] all -1')
    const inCond = (x: Scalar): Scalar =>
      cond(
        gt(x, 0),
        (x: Scalar) => x,
        (x: Scalar) => log(x),
      )(x)
    expect((await failure(() => debugNans(inCond)(scalar(-1)))).op).toBe('log')
  })

  test('an overflow of f32 is one, though doubles would hold it', async () => {
    const softmax = (x: Floats): Floats => div(exp(x), sum()(exp(x)))
    const error = await failure(() => debugNans(softmax)(tensor([100, 0])))
    expect(error.op).toBe('div')
    expect(error.message).toContain('f32[2] from 1 to Infinity, there Infinity')
    expect((await failure(() => debugNans(softmax, { infinities: true })(tensor([100, 0])))).op).toBe('exp')
  })

  test('what reaches no result is no fault, and results are those of the function', async () => {
    const safe = (x: Floats) => ({ a: where(gt(x, 0), log(x), 0), b: [exp(sub(0, exp(x)))] })
    const { a, b } = await debugNans(safe)(tensor([1, -1, 100]))
    expect([...(await readAsync(a))]).toEqual([0, 0, Math.fround(Math.log(100))])
    expect(b.length).toBe(1)
    expect([...(await readAsync(b[0]!))][2]).toBe(0)
  })

  test('data that holds it is named as data', async () => {
    const data: Floats = tensor([1, NaN, 3])
    const error = await failure(() => debugNans((x: Floats) => mul(x, 2))(data))
    expect(error.op).toBe('constant')
    expect(error.message).toMatch(/holds NaN at \[1\] of f32\[3\]\. No operation made it/)
    // and so is what a function closes over
    expect((await failure(() => debugNans((x: Floats) => mul(x, data))(tensor([1, 2, 3])))).op).toBe('constant')
  })

  test.each(devices)('tensors in the memory of $kind are read there', async (device) => {
    const x = await realizeAsync(tensor([1, -4]), device)
    expect((await failure(() => debugNans(jit((x: Floats) => sqrt(x), { device }))(x))).op).toBe('sqrt')
    // an argument that is not computed yet is looked into as well
    expect((await failure(() => debugNans((y: Floats) => add(y, 1))(log(x)))).op).toBe('log')
  })
})

describe('debugPrint', () => {
  afterEach(() => vi.restoreAllMocks())
  const printed = () => {
    const lines: (readonly unknown[])[] = []
    vi.spyOn(console, 'log').mockImplementation((...args: readonly unknown[]) => void lines.push(args))
    return lines
  }

  test('prints each round of a compiled scan under debugNans, and passes its argument on', async () => {
    const lines = printed()
    const total = jit(
      (x: Floats) =>
        scan((c: Scalar, v: Scalar) => [debugPrint('sum')(add(c, v)), null] as const)(scalar(0), x as never)[0],
    )
    const y = await debugNans(total)(tensor([1, 2, 4]))
    expect(lines).toEqual([
      ['sum f32[]:', 1],
      ['sum f32[]:', 3],
      ['sum f32[]:', 7],
    ])
    expect([...(await readAsync(y))]).toEqual([7])
  })

  test('prints when the reference device runs it, eager and compiled', async () => {
    const lines = printed()
    const device = referenceDevice()
    const f = (x: Floats): Floats => mul(debugPrint('x')(add(x, 1)), 2)
    expect([...(await readAsync(f(tensor([[1], [2]])), device))]).toEqual([4, 6])
    await readAsync(jit(f, { device })(tensor([[1], [2]])))
    expect(lines).toEqual([
      ['x f32[2, 1]:', [[2], [3]]],
      ['x f32[2, 1]:', [[2], [3]]],
    ])
  })
})
