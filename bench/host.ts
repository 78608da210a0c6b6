/**
 * What the host pays beside the kernels: to trace a step, to key and look up a program, to call one, for each kernel in it, and to
 * read a number back. `npm run -s bench -- --host` prints the median of each, and the quarters around it.
 */
import Benchmark from 'benchmark'
import {
  add,
  type Device,
  full,
  jit,
  matmul,
  mul,
  random,
  readAsync,
  realizeAsync,
  type Tensor,
  tree,
} from '@adjoint/tensor'
import { parameter, simplify, withTrace } from '@adjoint/tensor/ir'
import type { Integers, TransformerParams } from '@adjoint/nn'
import { LAYERS, modelOf, tokens } from './model.ts'
import { initState, type State, stepOf } from './training.ts'

/** A cost, in microseconds: the median of its samples, and what a quarter of them is below and above. */
export interface HostCost {
  readonly what: string
  readonly us: number
  readonly low: number
  readonly high: number
}

/** Seconds that each is sampled. */
const SECONDS = 2
/** Kernels of a program that has many. */
const MANY = 100

type Work = { readonly now: () => unknown } | { readonly later: () => Promise<unknown> }

/** Seconds of one call, sorted. */
const samplesOf = (name: string, work: Work): Promise<readonly number[]> =>
  new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(error instanceof Error ? error : new Error(String(error)))
    const common = {
      maxTime: SECONDS,
      minSamples: 20,
      onComplete(this: Benchmark) {
        const taken: readonly number[] = this.stats.sample
        resolve([...taken].sort((p, q) => p - q))
      },
      onError(this: Benchmark) {
        fail(`${name} failed while it was timed`)
      },
    }
    const deferred = (call: () => Promise<unknown>) => (done: { readonly resolve: () => void }) => {
      call().then(() => done.resolve(), fail)
    }
    const bench =
      'now' in work
        ? new Benchmark(name, { ...common, fn: work.now })
        : new Benchmark(name, { ...common, defer: true, fn: deferred(work.later) })
    bench.run({ async: true })
  })

const costOf = async (what: string, work: Work, per = 1, less = 0): Promise<HostCost> => {
  const samples = await samplesOf(what, work)
  const us = (share: number): number => (1e6 * samples[Math.floor(share * (samples.length - 1))]! - less) / per
  return { what, us: us(0.5), low: us(0.25), high: us(0.75) }
}

/** The step of training as the compiler gets it, for parameters that stand for the arguments. */
const tracing = (): (() => readonly Tensor[]) => {
  const model = modelOf(LAYERS)
  const params = model.init(random.key(0))
  const { leaves, treedef } = tree.flatten([params, initState(params), tokens(1), tokens(2)])
  const step = stepOf(model)
  return () => {
    const inputs = leaves.map(parameter)
    return withTrace('bench', inputs, () => {
      // the same structure that was flattened above
      const [p, s, x, y] = tree.unflatten(treedef, inputs) as [TransformerParams, State, Integers, Integers]
      return tree.flatten(step(p, s, x, y)).leaves
    })
  }
}

/** A program of so many kernels that do next to nothing, and that nothing joins. */
const chain =
  (kernels: number) =>
  (x: Tensor): Tensor =>
    Array.from({ length: kernels }).reduce<Tensor>((y) => matmul(y, y), x)

/** The costs of graphs, which no device has a part in, and those of calls on this one. */
export async function* hostCosts(device: Device): AsyncGenerator<HostCost> {
  const trace = tracing()
  const traced = trace()
  yield costOf(`tracing a training step of ${LAYERS} layers`, { now: trace })
  yield costOf('simplifying its graph', { now: () => simplify(traced) })

  const one = await realizeAsync(full([4], 1), device)
  const settled = async (x: Tensor): Promise<Tensor> => {
    await readAsync(x)
    return x
  }
  /** Calls without waiting, each on the result of the one before, whose memory it takes. */
  const calling = async (kernels: number): Promise<{ readonly run: () => void; readonly steps: number }> => {
    const f = jit(chain(kernels), { device, donate: [0] })
    let x = await settled(f(await realizeAsync(full([4, 4], 0.25), device)))
    return { run: () => void (x = f(x)), steps: f.program(x)?.steps.length ?? kernels }
  }
  const [short, long] = [await calling(1), await calling(MANY)]
  const call = await costOf('a call of a compiled function of one kernel', { now: short.run })
  yield call
  yield costOf(`each of ${long.steps} kernels of a program`, { now: long.run }, long.steps - short.steps, call.us)

  const known = jit((x: Tensor) => add(x, 1), { device })
  yield costOf('a call, and reading its four numbers back', { later: () => readAsync(known(one)) })
  // built and keyed anew each time, though compiled before
  const built = (): Promise<unknown> =>
    realizeAsync(
      Array.from({ length: MANY }).reduce<Tensor>((y) => add(mul(y, one), 0.5), one),
      device,
    )
  yield costOf(`building, keying and running ${2 * MANY} operations without jit`, { later: built })
}

/** A line of the table. */
export const hostText = ({ what, us, low, high }: HostCost): string => {
  const number = (x: number): string => (x >= 1000 ? x.toFixed(0) : x.toPrecision(3))
  return `${what.padEnd(58)} ${number(us).padStart(8)} us  (${number(low)} to ${number(high)})`
}
