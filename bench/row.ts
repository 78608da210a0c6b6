/** One measured workload, and how it is measured. */
import type { Device } from '@adjoint/tensor'
import Benchmark from 'benchmark'

/** Milliseconds are medians of the samples. */
export interface Row {
  readonly workload: string
  readonly ms: number
  readonly min: number
  readonly [figure: string]: string | number
}

interface Options {
  readonly steps: number
}
export type Workload = (device: Device, options: Options) => Promise<Row>

/** Median and least time, in milliseconds, of an asynchronous call. */
export const time = (
  name: string,
  call: () => Promise<void>,
  seconds = 2,
): Promise<{ readonly ms: number; readonly min: number }> =>
  new Promise((resolve, reject) => {
    new Benchmark(name, {
      defer: true,
      maxTime: seconds,
      minSamples: 5,
      fn: (deferred: { readonly resolve: () => void }) => {
        call().then(() => {
          deferred.resolve()
        }, reject)
      },
      onComplete(this: Benchmark) {
        const taken: readonly number[] = this.stats.sample
        const samples = [...taken].sort((p, q) => p - q)
        resolve({ ms: round(1e3 * samples[samples.length >> 1]!), min: round(1e3 * samples[0]!) })
      },
      onError(this: Benchmark) {
        reject(new Error(`${name} failed while it was timed`))
      },
    }).run({ async: true })
  })

export const round = (x: number): number => Number(x.toPrecision(5))
