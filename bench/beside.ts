/**
 * Operations beside a yardstick of the same device: what goes over memory once beside a kernel that does nothing else with the same bytes,
 * products of odd sizes beside the next aligned ones. The two run in turn, so that a machine that slows down slows both.
 */
import { add, matmul, neg, type Shape, softmax, type Tensor } from '@adjoint/tensor'
import { median } from './comparison.ts'
import { chain, layerNorm, ready, settle } from './operation.ts'
import { round, type Workload } from './row.ts'

type Operation = readonly [shapes: readonly Shape[], f: (...xs: Tensor[]) => Tensor]

const SECONDS = 3
const LEAST = 15
/** Calls to a sample: what it takes to see that they are done counts little. */
const CALLS = 4

/** `ratio`: the operation's time over the yardstick's, of neighbouring samples, the median. */
const against = (name: string, yardstick: string, [shapes, f]: Operation, [others, g]: Operation): Workload => {
  return async (device) => {
    const settled = settle(device)
    const calls = [await ready(device, shapes, f), await ready(device, others, g)]
    const sample = async (call: () => void): Promise<number> => {
      const start = performance.now()
      for (let i = 0; i < CALLS; i++) call()
      await settled()
      return (performance.now() - start) / CALLS
    }
    for (const call of calls) await sample(call)
    const pairs: (readonly [number, number])[] = []
    for (const end = performance.now() + 1e3 * SECONDS; performance.now() < end || pairs.length < LEAST;)
      pairs.push([await sample(calls[0]!), await sample(calls[1]!)])
    return {
      workload: name,
      ms: round(median(pairs.map(([own]) => own))),
      min: round(Math.min(...pairs.map(([own]) => own))),
      [`${yardstick}_ms`]: round(median(pairs.map(([, other]) => other))),
      ratio: round(median(pairs.map(([own, other]) => own / other))),
    }
  }
}

const copyOfOne: Operation = [[[4096, 1024]], neg]
/** Reads two arrays and writes one, as the chain does. */
const copyOfTwo: Operation = [[[1 << 22], [1 << 22]], add]

const product = (m: number, k: number, n: number): Operation => [
  [
    [m, k],
    [k, n],
  ],
  matmul,
]

export const beside: Readonly<Record<string, Workload>> = {
  chain4M_copy: against('chain4M_copy', 'copy', [copyOfTwo[0], chain], copyOfTwo),
  softmax_copy: against('softmax_copy', 'copy', [copyOfOne[0], softmax(-1)], copyOfOne),
  layernorm_copy: against('layernorm_copy', 'copy', [[[4096, 1024], [1024], [1024]], layerNorm], copyOfOne),
  odd509: against('odd509', 'aligned', product(509, 509, 509), product(512, 512, 512)),
  odd1021: against('odd1021', 'aligned', product(1021, 1021, 1021), product(1024, 1024, 1024)),
  odd2048x128x509: against('odd2048x128x509', 'aligned', product(2048, 128, 509), product(2048, 128, 512)),
}
