import { it } from 'vitest'
import { valueAndGrad } from '@adjoint/autograd'
import { adamW, applyUpdates, gpt2, transformer, crossEntropy } from './index.ts'
import { explain, random, tree, type Tensor } from '@adjoint/tensor'
import { toposort, primitives } from '@adjoint/tensor/ir'
import { schedule } from '../../tensor/src/schedule/schedule.ts'
it('train', () => {
  const L = Number(process.env.L ?? 4)
  const model = transformer(gpt2({ vocab: 64, width: 128, layers: L, heads: 4, context: 64 }))
  const params = model.init(random.key(0))
  const { leaves, treedef } = tree.flatten(params)
  const p = tree.unflatten(
    treedef,
    leaves.map((x) => primitives.parameter(x)),
  ) as typeof params
  const x = primitives.parameter({ shape: [32, 64], dtype: 'i32' }) as Tensor<readonly number[], 'i32'>
  const y = primitives.parameter({ shape: [32, 64], dtype: 'i32' }) as Tensor<readonly number[], 'i32'>
  const t0 = performance.now()
  const loss = (q: typeof params) => crossEntropy(model.apply(q)(x), y)
  let [v, g] = valueAndGrad(loss)(p)
  let outs = [v, ...tree.leaves(g)]
  let ins = [...tree.leaves(p), x, y]
  if (process.env.OPT) {
    const opt = adamW({ learningRate: 1e-3, weightDecay: 0.1 })
    const st0 = tree.flatten(opt.init(p))
    const st = tree.unflatten(
      st0.treedef,
      st0.leaves.map((z) => primitives.parameter(z)),
    ) as any
    const [u, n] = opt.update(g, st, p)
    outs = [v, ...tree.leaves(applyUpdates(p, u)), ...tree.leaves(n as any)]
    ins = [...ins, ...tree.leaves(st)]
  }
  const t1 = performance.now()
  console.log('nodes', toposort(outs).length, 'trace ms', t1 - t0)
  for (const [name, cap] of Object.entries({
    wasm: { orderedStores: true, longestRow: 1 << 20, lanes: 1, bindings: 64 },
    gpu: { orderedStores: false, longestRow: 16384, lanes: 4096, bindings: 16 },
  })) {
    const t2 = performance.now()
    const prog = schedule(cap)({
      inputs: ins,
      outputs: outs,
      donated: ins.map((_, i) => !!process.env.OPT && i !== leaves.length && i !== leaves.length + 1),
    })
    console.log(name, 'schedule ms', performance.now() - t2)
    console.log(explain(prog))
    console.log(prog.steps.filter((s) => s.kind === 'copy').length, 'copies')
  }
})
