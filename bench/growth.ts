/**
 * How a training step grows: its time, kernels and memory as one size of a small transformer is made larger and the others stay.
 * `npm run -s bench -- --growth DIR` writes a chart of each to DIR; `--axis` takes one of the sizes alone.
 */
import { gpt2, transformer } from '@adjoint/nn'
import { lineChart, renderSvg } from '@adjoint/report'
import { type Device, jit, random, readAsync, realizeAsync, tree } from '@adjoint/tensor'
import { median } from './comparison.ts'
import { tokensOf } from './model.ts'
import { round, type Row } from './row.ts'
import { initState, stepOf } from './training.ts'

/** What a step works on: rows of the batch, columns T, vocabulary V, layers; 128 features in 4 heads. */
export const sizes = ['length', 'vocab', 'layers', 'batch'] as const
export type Size = (typeof sizes)[number]
const base: Readonly<Record<Size, number>> = { batch: 4, length: 128, vocab: 64, layers: 4 }

/** Which sizes each axis takes. */
const axes: Readonly<Record<Size, { readonly title: string; readonly values: readonly number[] }>> = {
  length: { title: 'columns T', values: [64, 128, 256, 512, 1024, 2048] },
  vocab: { title: 'vocabulary V', values: [64, 512, 4096, 32_768, 151_936] },
  layers: { title: 'layers', values: [1, 2, 4, 8, 16] },
  batch: { title: 'rows of the batch', values: [1, 4, 16, 64] },
}
const ROUNDS = 5

interface Grown {
  readonly at: number
  readonly ms: number
  readonly kernels: number
  /** The most bytes of intermediates that live at one time. */
  readonly live: number
  /** Bytes of the parameters and the optimizer's state. */
  readonly state: number
}

const bytesOf = (t: tree.Tree): number =>
  tree.leaves(t).reduce((n, { shape }) => n + 4 * shape.reduce((p, d) => p * d, 1), 0)

const measured = async (device: Device, at: typeof base): Promise<Omit<Grown, 'at'>> => {
  const { batch, length, vocab, layers } = at
  const model = transformer(gpt2({ vocab, width: 128, layers, heads: 4, context: length }))
  let params = await realizeAsync(model.init(random.key(0)), device)
  let state = await realizeAsync(initState(params), device)
  const [x, y] = await realizeAsync([tokensOf(1, [batch, length], vocab), tokensOf(2, [batch, length], vocab)], device)
  const step = jit(stepOf(model), { donate: [0, 1], device })
  const program = step.program(params, state, x, y)
  if (program === null) throw new Error(`${device.kind} has no program of the training step`)
  const kernels = device.stats().kernels
  const times: number[] = []
  for (let i = 0; i <= ROUNDS; i++) {
    const start = performance.now()
    const [value, p, s] = step(params, state, x, y)
    ;[params, state] = [p, s]
    await readAsync(value)
    times.push(performance.now() - start)
  }
  return {
    ms: median(times.slice(1)), // the first finds its memory
    kernels: (device.stats().kernels - kernels) / times.length,
    live: program.live,
    state: bytesOf([params, state]),
  }
}

/** The charts of one axis, by their file names. */
const chartsOf = (size: Size, points: readonly Grown[]): Readonly<Record<string, Promise<string>>> => {
  const { title } = axes[size]
  const curve = (name: string, of: (p: Grown) => number) => ({
    name,
    points: points.map((p) => ({ x: p.at, y: of(p) })),
  })
  const chart = (y: string, series: readonly ReturnType<typeof curve>[]): Promise<string> =>
    renderSvg(lineChart({ title: `A training step by ${title}`, x: title, y, series, logarithmic: true }))
  return {
    [`${size}-time.svg`]: chart('ms', [curve('time', (p) => p.ms)]),
    [`${size}-memory.svg`]: chart('MB', [
      curve('intermediates', (p) => p.live / 1e6),
      curve('training state', (p) => p.state / 1e6),
    ]),
  }
}

/** A row of each size on each of these axes, as they are measured, and the charts at the end. */
export const growthOf = async (
  device: Device,
  along: readonly Size[],
  print: (row: Row) => void,
): Promise<readonly (readonly [string, string])[]> => {
  const charts: (readonly [string, string])[] = []
  for (const size of along) {
    const points: Grown[] = []
    for (const at of axes[size].values) {
      const grown = { at, ...(await measured(device, { ...base, [size]: at })) }
      points.push(grown)
      const { ms, kernels, live, state } = grown
      print({
        workload: `growth ${size} ${at}`,
        ms: round(ms),
        min: round(ms),
        kernels,
        live_bytes: live,
        state_bytes: state,
      })
    }
    for (const [file, svg] of Object.entries(chartsOf(size, points))) charts.push([file, await svg])
  }
  return charts
}
