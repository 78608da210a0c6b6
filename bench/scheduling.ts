/**
 * The time that scheduling takes: the training step of the transformer at several depths, on the capabilities of a host and
 * of a GPU. CPU time, not the clock's, of this process; no device runs anything.
 */
import { gpt2, type Integers, transformer, type TransformerParams } from '@adjoint/nn'
import { random, tensor, tree, wasmDevice } from '@adjoint/tensor'
import { type Capabilities, type Computation, parameter, schedule, simplify, withTrace } from '@adjoint/tensor/ir'
import { median } from './comparison.ts'
import { round, type Row } from './row.ts'
import { initState, type State, stepOf } from './training.ts'

const host = wasmDevice({ threads: 1 }).capabilities
const gpu: Capabilities = {
  orderedStores: false,
  longestRow: 1 << 14,
  dotRows: null,
  dotParts: { results: 1 << 17, terms: 512 },
  lanes: 4096,
  terms: 1024,
  bindings: 16,
  reproducible: false,
  slab: 1 << 28,
  skips: false,
  templates: new Set(),
}

const DEPTHS = [4, 16, 32, 64]
/** Schedules of each, of which the median counts; the first, which the engine has not optimised yet, is told besides. */
const TIMES = 5

/** A step of training: forward, backward, and AdamW over all parameters, which are donated. */
const trainingStep = (layers: number): Computation => {
  const [batch, length, vocab] = [32, 64, 64]
  const model = transformer(gpt2({ vocab, width: 128, layers, heads: 4, context: length }))
  const params = model.init(random.key(0))
  const tokens: Integers = tensor(new Int32Array(batch * length), [batch, length], 'i32')
  const { leaves, treedef } = tree.flatten([params, initState(params), tokens, tokens])
  const inputs = leaves.map(parameter)
  const outputs = withTrace('schedule', inputs, () => {
    const [p, s, x, y] = tree.unflatten(treedef, inputs) as [TransformerParams, State, Integers, Integers]
    return tree.flatten(stepOf(model)(p, s, x, y)).leaves
  })
  return { inputs, outputs: simplify(outputs), donated: inputs.map((_, i) => i < inputs.length - 2) }
}

/** Milliseconds of CPU time of this process so far. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e3
}

/** One schedule: the time of each stage, and of all. */
const timed = (capabilities: Capabilities, step: Computation): ReadonlyMap<string, number> => {
  const spent = new Map<string, number>()
  const spend = <T>(name: string, run: () => T): T => {
    const start = cpu()
    const made = run()
    spent.set(name, (spent.get(name) ?? 0) + cpu() - start)
    return made
  }
  spend('all', () => schedule(capabilities, spend)(step))
  return spent
}

/** A line for each depth on each kind of device. */
export const scheduling = (): readonly Row[] => {
  const rows: Row[] = []
  for (const [kind, capabilities] of [
    ['host', host],
    ['gpu', gpu],
  ] as const)
    for (const layers of DEPTHS) {
      const step = trainingStep(layers)
      const runs = Array.from({ length: TIMES }, () => timed(capabilities, step))
      const of = (stage: string): readonly number[] => runs.map((r) => r.get(stage) ?? 0)
      const stages = [...runs[0]!.keys()].filter((name) => name !== 'all')
      rows.push({
        workload: `schedule ${layers} ${kind}`,
        ms: round(median(of('all'))),
        min: round(Math.min(...of('all'))),
        first: round(of('all')[0]!),
        ...Object.fromEntries(stages.map((name) => [name, round(median(of(name)))])),
      })
    }
  return rows
}
