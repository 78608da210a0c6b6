/**
 * Control flow against what it stands for: a transformer that scans its layers against the same written out, a recurrent
 * network of many steps against one of few, and a batch decoded in one call against one call a token.
 */
import { valueAndGrad } from '@adjoint/autograd'
import {
  adamW,
  applyUpdates,
  block,
  type BlockParams,
  type Booleans,
  crossEntropy,
  type Decoder,
  decoder,
  drawTokens,
  embedding,
  type Floats,
  generatorAsync,
  gpt2,
  initLayerNorm,
  type Integers,
  type Key,
  layerNorm,
  leftPad,
  place,
  scanLayers,
  stackLayers,
  transformer,
  type Transformer,
  type TransformerParams,
  unembed,
} from '@adjoint/nn'
import {
  add,
  all,
  and,
  type Device,
  dynamicUpdateSlice,
  eq,
  expandDims,
  full,
  gelu,
  jit,
  lt,
  matmul,
  mean,
  mul,
  not,
  or,
  type Program,
  random,
  readAsync,
  realizeAsync,
  type Scalar,
  scalar,
  scan,
  square,
  sub,
  tanh,
  tree,
  type Tree,
  where,
  whileLoop,
  zeros,
} from '@adjoint/tensor'
import { modelOf, tokens } from './model.ts'
import { round, type Workload } from './row.ts'

const median = (xs: readonly number[]): number => [...xs].sort((p, q) => p - q)[xs.length >> 1]!

/** Milliseconds of each, one after another in turn: what else the machine does falls on all of them alike. */
const inTurn = async (runs: readonly (() => Promise<void>)[], rounds: number): Promise<readonly number[]> => {
  const taken = runs.map((): number[] => [])
  for (let i = 0; i < rounds; i++)
    for (const [k, run] of runs.entries()) {
      const start = performance.now()
      await run()
      taken[k]!.push(performance.now() - start)
    }
  return taken.map(median)
}

const kernelsIn = (program: Program | null): number => {
  const count = (steps: Program['steps'], times: number): number =>
    steps.reduce(
      (n, s) => n + (s.kind === 'kernel' ? times : s.kind === 'loop' ? count(s.steps, times * s.trips) : 0),
      0,
    )
  return count(program?.steps ?? [], 1)
}
const arena = (program: Program | null): number => (program?.slabs ?? []).reduce((n, bytes) => n + bytes, 0)

/** A transformer whose blocks are one tree of stacked parameters. */
export const stackBlocks = ({ blocks, ...rest }: TransformerParams) => ({ ...rest, blocks: stackLayers(blocks) })
export type Stacked = ReturnType<typeof stackBlocks>

/** `model.apply`, as a scan over its layers: a GPT-2 of the same configuration. */
export const scannedModel =
  ({ config: { width, heads, kvHeads, hidden, bias, normEps } }: Transformer, keep: 'values' | 'carries') =>
  (params: Stacked) =>
  (x: Integers): Floats => {
    const norm = layerNorm({ eps: normEps })
    const layer = block({
      norm: { init: () => initLayerNorm({ width }), apply: norm },
      attention: { width, heads, kvHeads, bias },
      mlp: { width, hidden, gated: false, bias: bias === true },
      activation: gelu,
    })
    const at = place({ queries: x.shape[1]! })
    const stream: Floats = add(embedding(params.embedding)(x), at.rows(params.positions!))
    const layers = scanLayers((p: BlockParams) => layer(p, { rotate: (q) => q, visible: at.visible }), { keep })
    return unembed(params.embedding)(norm(params.norm)(layers(params.blocks)(stream)))
  }

type Loss<P> = (params: P, x: Integers, y: Integers) => Scalar

/** A training step, about to run. */
const trainer = async <P extends Tree>(device: Device, loss: Loss<P>, start: P) => {
  const optimizer = adamW({ learningRate: 1e-3, b1: 0.9, b2: 0.95, eps: 1e-8, weightDecay: 0.1 })
  const compiled = () =>
    jit(
      (p: P, s: ReturnType<typeof optimizer.init>, x: Integers, y: Integers) => {
        const [value, grads] = valueAndGrad(loss)(p, x, y)
        const [updates, next] = optimizer.update(grads, s, p)
        return [value, applyUpdates(p, updates), next] as const
      },
      { donate: [0, 1], device },
    )
  let params = await realizeAsync(start, device)
  let state = await realizeAsync(optimizer.init(start), device)
  const [x, y] = [await realizeAsync(tokens(1), device), await realizeAsync(tokens(2), device)]
  /** Milliseconds to trace, schedule and compile it. */
  const compileOnce = (): number => {
    const before = performance.now()
    compiled().program(params, state, x, y)
    return performance.now() - before
  }
  const step = compiled()
  const losses: number[] = []
  return {
    losses,
    compileOnce,
    program: () => step.program(params, state, x, y),
    once: async (): Promise<void> => {
      const [value, p, s] = step(params, state, x, y)
      params = p
      state = s
      losses.push((await readAsync(value))[0]!)
    },
  }
}

const scanned =
  (layers: number, keep: 'values' | 'carries'): Workload =>
  async (device) => {
    const of = async (n: number) => {
      const model = modelOf(n)
      return trainer(
        device,
        (p: TransformerParams, x, y) => crossEntropy(model.apply(p)(x), y),
        model.init(random.key(0)),
      )
    }
    const model = modelOf(layers)
    const apply = scannedModel(model, keep)
    const [one, all] = [await of(1), await of(layers)]
    const scan = await trainer(
      device,
      (p: Stacked, x, y) => crossEntropy(apply(p)(x), y),
      stackBlocks(model.init(random.key(0))),
    )
    const compiling = [one, all, scan].map(({ compileOnce }) => {
      compileOnce()
      return median([compileOnce(), compileOnce(), compileOnce()])
    })
    for (const { once } of [all, scan]) for (let i = 0; i < 2; i++) await once()
    await all.once()
    const before = device.stats()
    await scan.once()
    const after = device.stats()
    const [written, looped] = await inTurn([all.once, scan.once], device.kind === 'webgpu' ? 5 : 15)
    return {
      workload: `scan_gpt${layers}${keep === 'carries' ? '_carries' : ''}`,
      ms: round(looped!),
      min: round(looped!),
      unrolled_ms: round(written!),
      ratio: round(looped! / written!),
      first_loss: round(scan.losses[0]!),
      unrolled_first_loss: round(all.losses[0]!),
      last_loss: round(scan.losses.at(-1)!),
      unrolled_last_loss: round(all.losses.at(-1)!),
      compile_ms: round(compiling[2]!),
      compile_1_ms: round(compiling[0]!),
      compile_unrolled_ms: round(compiling[1]!),
      kernels: kernelsIn(scan.program()),
      unrolled_kernels: kernelsIn(all.program()),
      submits: after.submits - before.submits,
      created: after.created - before.created,
      arena_bytes: arena(scan.program()),
      unrolled_arena_bytes: arena(all.program()),
    }
  }

/** tanh(h U + x_t W + b) over the steps of a sequence; the loss is a sum over all of them. */
export const recurrent = (
  params: { readonly u: Floats; readonly w: Floats; readonly b: Floats },
  xs: Floats,
): Scalar => {
  const cell = (h: Floats, x: Floats): readonly [Floats, Floats] => {
    const next: Floats = tanh(add(add(matmul(h, params.u), matmul(x, params.w)), params.b))
    return [next, next]
  }
  const [, states] = scan(cell)(zeros([xs.shape[1]!, params.u.shape[0]!]), xs)
  return mean()(square(states))
}

/** A recurrent network over 256 steps compiles in the time of one over 8, gradient included. */
const rnn: Workload = async (device) => {
  const [rows, features, width] = [32, 32, 64]
  const noise = (seed: number, ...shape: number[]): Floats => mul(random.normal()(random.key(seed), shape), 0.2)
  const of = async (steps: number) => {
    const xs = await realizeAsync(noise(3, steps, rows, features), device)
    const start = { u: noise(0, width, width), w: noise(1, features, width), b: noise(2, width) }
    let params = await realizeAsync(start, device)
    const compiled = () =>
      jit(
        (p: typeof params, x: Floats) => {
          const [value, grads] = valueAndGrad(recurrent)(p, x)
          return [value, tree.map((v, g) => sub(v, mul(g, 0.1)), p, grads)] as const
        },
        { device, donate: [0] },
      )
    const compileOnce = (): number => {
      const before = performance.now()
      compiled().program(params, xs)
      return performance.now() - before
    }
    const step = compiled()
    return {
      compileOnce,
      program: () => step.program(params, xs),
      once: async (): Promise<void> => {
        const [value, next] = step(params, xs)
        params = next
        await readAsync(value)
      },
    }
  }
  const [few, many] = [await of(8), await of(256)]
  for (const { compileOnce } of [few, many]) compileOnce()
  const compiling = [few, many].map((): number[] => [])
  for (let i = 0; i < 5; i++) [few, many].forEach(({ compileOnce }, k) => compiling[k]!.push(compileOnce()))
  for (const { once } of [few, many]) for (let i = 0; i < 2; i++) await once()
  const before = device.stats()
  await many.once()
  const after = device.stats()
  const [short, long] = await inTurn([few.once, many.once], 7)
  return {
    workload: 'scan_rnn256',
    ms: round(long!),
    min: round(long!),
    steps_8_ms: round(short!),
    compile_ms: round(median(compiling[1]!)),
    compile_8_ms: round(median(compiling[0]!)),
    kernels: kernelsIn(many.program()),
    submits: after.submits - before.submits,
    created: after.created - before.created,
    arena_bytes: arena(many.program()),
  }
}

/**
 * Tokens drawn for a batch until every row has ended, as one loop on the device: [B, columns + maxTokens], and how many
 * rounds that took. The same tokens as `generatorAsync` draws with the same key.
 */
export const decodeInOneCall =
  <P extends Tree, M extends Tree>(
    model: Decoder<P, M>,
    { maxTokens, eos }: { readonly maxTokens: number; readonly eos: number },
  ) =>
  (params: P, prompt: Integers, key: Key): readonly [tokens: Integers, rounds: Scalar<'i32'>] => {
    type State = readonly [tokens: Integers, logits: Floats, memory: M, ended: Booleans, drawn: Scalar<'i32'>]
    const [B, columns] = prompt.shape as readonly [number, number]
    const length = columns + maxTokens
    const draw = drawTokens({ temperature: 1 })
    const [logits, memory] = model.start(params, { length })(prompt)
    const tokens: Integers = dynamicUpdateSlice(full([B, length], eos, 'i32'), prompt, [0, 0])
    const going = ([, , , ended, drawn]: State): Scalar<'bool'> => and(not(all()(ended)), lt(drawn, maxTokens))
    const round = ([sofar, scores, seen, ended, drawn]: State): State => {
      const chosen = draw(random.gumbel(random.foldIn(key, drawn), scores.shape), scores).tokens
      const token: Integers = where(ended, eos, chosen)
      const column: Integers = expandDims(-1)(token)
      const first: Scalar<'i32'> = add(drawn, columns)
      const [next, longer] = model.extend(params, seen, { first })(column)
      const written: Integers = dynamicUpdateSlice(sofar, column, [0, first])
      return [written, next, longer, or(ended, eq(token, eos)), add(drawn, 1)]
    }
    const [result, , , , rounds] = whileLoop(
      going,
      round,
    )([tokens, logits, memory, full([B], 0, 'bool'), scalar(0, 'i32')])
    return [result, rounds]
  }

/** A batch of 32 rows decoded in one call, against a call a token of which every one is asked whether all have ended. */
const decoding: Workload = async (device) => {
  const [maxTokens, eos, rows] = [100, 1, 32]
  const model = transformer(gpt2({ vocab: 8, width: 128, layers: 4, heads: 4, context: 128 }))
  const params = await realizeAsync(model.init(random.key(0)), device)
  const key = await realizeAsync(random.key(7), device)
  const prompt = leftPad({ pad: 0 })(Array.from({ length: rows }, (_, i) => [i % 8, 0]))
  const generate = generatorAsync(model, { maxTokens, eos, checkEvery: 1, device })
  const whole = jit(decodeInOneCall(decoder(model), { maxTokens, eos }), { device })
  const drawn: { inCalls: Int32Array; inOne: Int32Array; rounds: number } = {
    inCalls: new Int32Array(),
    inOne: new Int32Array(),
    rounds: 0,
  }
  const byRounds = async (): Promise<void> => {
    drawn.inCalls = await readAsync((await generate(params, prompt, key)).tokens)
  }
  const inOne = async (): Promise<void> => {
    const [tokens, rounds] = whole(params, prompt.tokens, key)
    drawn.inOne = await readAsync(tokens)
    drawn.rounds = (await readAsync(rounds))[0]!
  }
  for (let i = 0; i < 2; i++) for (const run of [byRounds, inOne]) await run()
  const before = device.stats()
  await inOne()
  const after = device.stats()
  const [called, looped] = await inTurn([byRounds, inOne], 5)
  return {
    workload: 'while_gen',
    ms: round(looped!),
    min: round(looped!),
    by_rounds_ms: round(called!),
    rounds: drawn.rounds,
    differing_tokens: drawn.inOne.reduce((n, t, i) => n + Number(t !== drawn.inCalls[i]), 0),
    submits: after.submits - before.submits,
    created: after.created - before.created,
  }
}

export const controlFlow: Readonly<Record<string, Workload>> = {
  scan_gpt4: scanned(4, 'values'),
  scan_gpt4_carries: scanned(4, 'carries'),
  scan_gpt8: scanned(8, 'values'),
  scan_gpt8_carries: scanned(8, 'carries'),
  scan_rnn256: rnn,
  while_gen: decoding,
}
