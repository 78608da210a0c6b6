// What the workloads of control flow show, in small and without a clock.
import { valueAndGrad } from '@adjoint/autograd'
import { crossEntropy, decoder, generatorAsync, gpt2, type Integers, leftPad, transformer } from '@adjoint/nn'
import {
  jit,
  type Program,
  random,
  readAsync,
  realizeAsync,
  type Tensor,
  tree,
  wasmDevice,
  zeros,
} from '@adjoint/tensor'
import { parameter, simplify, toposort, withTrace } from '@adjoint/tensor/ir'
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { decodeInOneCall, recurrent, scannedModel, stackBlocks } from './control-flow.ts'
import { modelOf, tokens } from './model.ts'

const devices = (await presentDevices()).filter(({ kind }) => kind !== 'reference')

describe.each(devices.map((device) => [device.kind, device] as const))('on %s', (_, device) => {
  it(
    'a batch of 32 rows is decoded in one call until all have ended, as by a call a token',
    { timeout: 180_000 },
    async () => {
      const [maxTokens, eos] = [40, 1]
      const model = transformer(gpt2({ vocab: 6, width: 16, layers: 2, heads: 2, context: 48 }))
      const params = model.init(random.key(0))
      const prompt = leftPad({ pad: 0 })(Array.from({ length: 32 }, (_, i) => [i % 6, 0]))
      const key = random.key(5)
      const whole = jit(decodeInOneCall(decoder(model), { maxTokens, eos }), { device })
      const generate = generatorAsync(model, { maxTokens, eos, checkEvery: 1, device: wasmDevice() })
      const wanted = Array.from(await readAsync((await generate(params, prompt, key)).tokens))
      // what a call is given again and again lies on the device
      const given = await realizeAsync({ params, tokens: prompt.tokens, key }, device)
      const call = () => whole(given.params, given.tokens, given.key)
      const [tokens, rounds] = call()
      expect(Array.from(await readAsync(tokens))).toEqual(wanted)
      const drawn = (await readAsync(rounds))[0]!
      expect(drawn).toBeGreaterThan(5)
      expect(drawn).toBeLessThan(maxTokens)
      // What is read is small, and moves to the host: its memory is free again at once.
      const once = () => Promise.all(call().map((result) => readAsync(result)))
      for (let i = 0; i < 3; i++) await once()
      const before = device.stats()
      await once()
      expect(device.stats().created - before.created).toBe(0)
    },
  )

  it('a scanned transformer has about the kernels of one layer, and copies nothing in a round', () => {
    const model = modelOf(4)
    const apply = scannedModel(model, 'values')
    const params = stackBlocks(model.init(random.key(0)))
    const step = jit(
      (p: typeof params) => valueAndGrad((q: typeof params) => crossEntropy(apply(q)(tokens(1)), tokens(2)))(p),
      { device },
    )
    const { steps } = step.program(params)!
    const loops = steps.flatMap((s) => (s.kind === 'loop' ? [s.steps] : []))
    expect(loops.flat().filter((s) => s.kind === 'copy')).toEqual([])
    const kernelsOf = (of: Program['steps']): number => of.filter((s) => s.kind === 'kernel').length
    const written = (layers: number): number => {
      const plain = modelOf(layers)
      const start = plain.init(random.key(0))
      const run = jit(
        (p: typeof start) => valueAndGrad((q: typeof start) => crossEntropy(plain.apply(q)(tokens(1)), tokens(2)))(p),
        { device },
      )
      return kernelsOf(run.program(start)!.steps)
    }
    expect(loops).toHaveLength(2)
    // two counters; of what a layer written out keeps, three values are made again; and the norm that begins a round is of what
    // the round before made, where that of a layer written out is a part of the product before it
    expect(kernelsOf(loops.flat())).toBeLessThanOrEqual(written(3) - written(2) + 2 + 3 + 1)
  })

  it('what is compiled of a scanned transformer is the same for any number of layers', () => {
    const of = (layers: number) => {
      const model = modelOf(layers)
      const apply = scannedModel(model, 'values')
      const params = stackBlocks(model.init(random.key(0)))
      type Params = typeof params
      const step = (p: Params, x: Integers, y: Integers) => valueAndGrad((q: Params) => crossEntropy(apply(q)(x), y))(p)
      const given = [params, tokens(1), tokens(2)] as const
      const { leaves, treedef } = tree.flatten(given)
      const inputs = leaves.map(parameter)
      const traced = withTrace('step', inputs, () =>
        tree.leaves(step(...(tree.unflatten(treedef, inputs) as [Params, Integers, Integers]))),
      )
      const named = (steps: Program['steps']): readonly unknown[] =>
        steps.map((s) => (s.kind === 'kernel' ? s.kernel.name : s.kind === 'loop' ? named(s.steps) : s.kind))
      return {
        traced: toposort(traced).length,
        simple: toposort(simplify(traced)).length,
        steps: named(jit(step, { device }).program(...given)!.steps),
      }
    }
    const [one, two, eight] = [of(1), of(2), of(8)]
    expect(eight).toEqual(two)
    // A scan of one row is no loop in the program; it is the same graph.
    expect([one.traced, one.simple]).toEqual([eight.traced, eight.simple])
  })

  it('a recurrent network of 256 steps has the rounds of one of 8, forward and backward', () => {
    const params = { u: zeros([6, 6]), w: zeros([4, 6]), b: zeros([6]) }
    const step = jit((p: typeof params, xs: Tensor<readonly number[], 'f32'>) => valueAndGrad(recurrent)(p, xs), {
      device,
    })
    // What a sum at the end takes depends on how much there is to sum.
    const rounds = (steps: Program['steps']): readonly (readonly string[])[] =>
      steps.flatMap((s) =>
        s.kind === 'loop' ? [s.steps.map((of) => (of.kind === 'kernel' ? of.kernel.name : of.kind))] : [],
      )
    const of = (length: number) => rounds(step.program(params, zeros([length, 3, 4]))!.steps)
    expect(of(8)).toHaveLength(2)
    expect(of(256)).toEqual(of(8))
  })
})
