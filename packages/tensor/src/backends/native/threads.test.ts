import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, inject, it } from 'vitest'
import type { HostArray } from '../../base/dtype.ts'
import type { Expr } from '../../graph/expr.ts'
import * as p from '../../primitives/index.ts'
import { nativeDevice } from './open.ts'

const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const })
const wave = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 0.7) + i / n)
const rows = (x: Expr): Expr => {
  const wide = (y: Expr): Expr => p.broadcastTo(p.reshape(y, [x.shape[0]!, 1]), x.shape)
  const z = p.exp(p.sub(x, wide(p.reduceMax(x, [1]))))
  return p.div(z, wide(p.reduceSum(z, [1])))
}

/** Products, rows, columns and elements of matrices, and a long sum, that are work for many. */
const outputs = async (threads: number): Promise<readonly HostArray[]> => {
  const opened = await nativeDevice({ threads })()
  if (E.isLeft(opened)) throw new Error(opened.left.message)
  const device = opened.right
  const [x, y] = [p.parameter(f32(301, 517)), p.parameter(f32(517, 611))]
  const product = p.dot(x, y)
  const { run } = device.compile({
    inputs: [x, y],
    outputs: [
      product,
      rows(product),
      rows(x),
      p.reduceSum(p.tanh(x), [0]),
      p.sin(product),
      p.reduceSum(product, [0, 1]),
      p.reduceSum(p.tanh(y), [0, 1]),
    ],
    donated: [false, false],
  })
  const given = [device.upload(wave(301 * 517), f32(301, 517)), device.upload(wave(517 * 611), f32(517, 611))]
  const found: HostArray[] = []
  for (let again = 0; again < 20; again++)
    for (const result of run(given)) {
      const read = await device.download(result)()
      if (E.isLeft(read)) throw new Error(read.left.message)
      if (again === 19) found.push(read.right)
      device.release(result)
    }
  await device.destroy()
  return found
}

describe.runIf(inject('devices').includes('native'))('threads', () => {
  it('change no bit, however many there are', { timeout: 60_000 }, async () => {
    const alone = await outputs(1)
    for (const threads of [2, 3, 5, 2, 8]) {
      const shared = await outputs(threads)
      // as bytes: comparing elements takes seconds
      expect(shared.map((x, i) => Buffer.from(x.buffer).equals(Buffer.from(alone[i]!.buffer)))).toEqual(
        alone.map(() => true),
      )
    }
  })
})
