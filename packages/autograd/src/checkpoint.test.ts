import {
  add,
  cos,
  exp,
  matmul,
  mul,
  reshape,
  sin,
  sum,
  take,
  tensor,
  tree,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import { evaluate, rewrite, simplify, toposort, withArgs, type Expr, type Node } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { checkGrads } from './check.ts'
import { checkpoint, checkpointName } from './checkpoint.ts'
import { grad } from './grad.ts'
import { hvp } from './jacobian.ts'
import { jvp } from './jvp.ts'
import { vmap } from './vmap.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
type Vec<N extends number> = Tensor<readonly [N], 'f32'>
const x = tensor([0.3, -0.8, 1.1], [3])
const block = (v: Vec<3>): Vec<3> => sin(mul(exp(cos(v)), v))
const loss =
  (f: (v: Vec<3>) => Vec<3>) =>
  (v: Vec<3>): Scalar =>
    sum()(f(f(f(v))))

describe('checkpoint f = f', () => {
  const ck = checkpoint(block)
  test('in value', () => {
    expect(values(ck(x))).toEqual(values(block(x)))
  })
  test('in gradient', () => {
    expect(values(grad(loss(ck))(x))).toEqual(values(grad(loss(block))(x)))
  })
  test('in forward mode, in second order, mapped, and inside another checkpoint', () => {
    const close = (got: Expr, want: Expr): void => {
      const w = values(want)
      values(got).forEach((g, i) => {
        expect(g).toBeCloseTo(w[i]!, 12)
      })
    }
    const t = tensor([1, -2, 0.5], [3])
    close(jvp(ck)(x, t)[1], jvp(block)(x, t)[1])
    close(hvp(loss(ck))(x, t), hvp(loss(block))(x, t))
    const xs = tensor([1, 2, 3, 4, 5, 6], [2, 3])
    close(vmap(grad(loss(ck)))(xs), vmap(grad(loss(block)))(xs))
    const mapped = (f: (v: Vec<3>) => Vec<3>) => grad((v: Tensor<readonly [2, 3], 'f32'>) => sum()(vmap(f)(v)))
    close(mapped(ck)(xs), mapped(block)(xs))
    const twice = checkpoint((v: Vec<3>) => ck(ck(v)))
    close(grad(loss(twice))(x), grad(loss((v) => block(block(v))))(x))
    checkGrads(twice)(x)
  })

  test('trees, several results, integer arguments', () => {
    const p = { w: tensor([1, 2, 3, 4], [2, 2]), rows: tensor([1, 1, 0], 'i32') }
    const f = (
      q: typeof p,
    ): { readonly y: Tensor<readonly [number, 2], 'f32'>; readonly s: Scalar; readonly rows: Tensor } => ({
      y: sin(take(0)(q.w, q.rows)),
      s: sum()(mul(q.w, q.w)),
      rows: q.rows,
    })
    const total =
      (g: typeof f) =>
      (w: typeof p.w): Scalar => {
        const { y, s } = g({ ...p, w })
        return add(sum()(mul(y, y)), mul(s, sum()(y)))
      }
    expect(tree.map(values, checkpoint(f)(p))).toEqual(tree.map(values, f(p)))
    const want = values(grad(total(f))(p.w))
    values(grad(total(checkpoint(f)))(p.w)).forEach((g, i) => {
      expect(g).toBeCloseTo(want[i]!, 12)
    })
  })

  test('what it closes over gets its gradient, through every transformation', () => {
    const rows = tensor([1, 2, 3, 4, 5, 6], [3, 2])
    const f = (wrap: typeof checkpoint) => (w: Tensor<readonly [2, 2], 'f32'>) => {
      const scale = sum()(w)
      const layer = wrap((v: Vec<2>) => sin(mul(scale, reshape([2])(matmul(reshape([1, 2])(v), w)))))
      return sum()(vmap(layer)(rows))
    }
    const plain = ((g: unknown) => g) as typeof checkpoint
    const w = tensor([0.1, 0.2, -0.3, 0.05], [2, 2])
    const want = values(grad(f(plain))(w))
    values(grad(f(checkpoint))(w)).forEach((g, i) => {
      expect(g).toBeCloseTo(want[i]!, 12)
    })
    checkGrads(f(checkpoint))(w)
  })
})

describe('the recomputation survives simplification', () => {
  const nodes = (name: string, roots: readonly Expr[]): readonly Node[] =>
    toposort(roots).filter(({ prim }) => prim.name === name)
  /** As the scheduler sees them: checkpoints stand in their callers' place. */
  const inlined = (roots: readonly Expr[]): readonly Expr[] =>
    simplify(
      rewrite(roots, (node, args) => {
        const { lower, name } = node.prim
        return name === 'checkpoint' && lower.kind === 'composite'
          ? lower.expand(args, node.params)
          : withArgs(node, args)
      }),
    )

  test('expensive operations run twice, the second time after the cotangent', () => {
    const f = checkpoint((v: Vec<3>) => exp(sin(v)))
    const both = (g: (v: Vec<3>) => Vec<3>): readonly Expr[] => {
      const l = (v: Vec<3>): Scalar => sum()(mul(g(v), g(v)))
      return inlined([l(x), grad(l)(x)])
    }
    // without: one forward pass serves both; with: the gradient has one of its own
    expect(
      nodes(
        'exp',
        both((v) => exp(sin(v))),
      ),
    ).toHaveLength(1)
    expect(nodes('exp', both(f))).toHaveLength(2)
    expect(nodes('after', both(f))).toHaveLength(1)
  })

  test('the backward pass reads no intermediate of the forward pass', () => {
    const layers = (g: (v: Vec<3>) => Vec<3>) => (v: Vec<3>) => sum()(g(g(v)))
    const [forward, backward] = inlined([layers(checkpoint(block))(x), grad(layers(checkpoint(block)))(x)])
    const inForward = new Set(toposort([forward!]))
    const shared = toposort([backward!]).filter((e) => inForward.has(e) && e.args.length > 0)
    // All that both passes know is the argument of each block: x, and the first block's result with what it is made of.
    const boundary = toposort(simplify([block(x)])).filter((e) => e.args.length > 0)
    expect(shared).toHaveLength(boundary.length)
    const read = toposort([backward!]).flatMap((e) =>
      inForward.has(e) ? [] : e.args.filter((a) => inForward.has(a.node) && a.node.args.length > 0),
    )
    expect(new Set(read).size).toBe(1)
    expect([...new Set(read)][0]!.node.prim.name).toBe('sin')
  })

  test('products of matrices are kept where that is asked for', () => {
    const w = tensor([0.1, 0.2, -0.3, 0.05], [2, 2])
    const f = (v: typeof w) => sin(matmul(sin(v), w))
    const products = (g: typeof f): number => {
      const l = (v: typeof w): Scalar => sum()(mul(g(v), g(v)))
      return nodes('dot', inlined([l(w), grad(l)(w)])).length
    }
    expect(products(f)).toBe(2) // one forward, one backward
    expect(products(checkpoint(f))).toBe(3)
    expect(products(checkpoint(f, { keep: 'products' }))).toBe(2)
    const loss = (g: typeof f) => (v: typeof w) => sum()(mul(g(v), g(v)))
    expect(values(grad(loss(checkpoint(f, { keep: 'products' })))(w))).toEqual(values(grad(loss(f))(w)))
  })
})

describe('values by name', () => {
  const w = tensor([0.1, 0.2, -0.3, 0.05], [2, 2])
  const of = (name: (x: typeof w) => typeof w) => (v: typeof w) => sin(matmul(name(exp(matmul(sin(v), w))), cos(v)))
  const plain = of((x) => x)
  const loss = (g: typeof plain) => (v: typeof w) => sum()(mul(g(v), g(v)))
  /** How often the expressions as the scheduler sees them compute what, forward and backward together. */
  const times = (what: string, g: typeof plain): number => {
    const roots = [loss(g)(w), grad(loss(g))(w)]
    const flat = rewrite(roots, (node, args) => {
      const { lower, name } = node.prim
      return name === 'checkpoint' && lower.kind === 'composite'
        ? lower.expand(args, node.params)
        : withArgs(node, args)
    })
    return toposort(simplify(flat)).filter(({ prim }) => prim.name === what).length
  }
  test('are kept, and what only they needed is not computed again', () => {
    const f = of(checkpointName('inner'))
    expect(times('exp', checkpoint(f))).toBe(2)
    expect(times('exp', checkpoint(f, { keep: ['inner'] }))).toBe(1)
    // The product that is exp's operand was needed for exp alone.
    const again = (keep: readonly string[] | 'nothing'): number => times('dot', checkpoint(f, { keep }))
    expect(again('nothing') - again(['inner'])).toBe(1)
    // Named is not kept, where nobody asks for the name.
    const two = of((x) => checkpointName('inner')(checkpointName('other')(x)))
    expect(times('exp', checkpoint(two, { keep: ['other'] }))).toBe(1)
  })
  test('mean what they mean without a name, through every transformation', () => {
    const f = checkpoint(of(checkpointName('inner')), { keep: ['inner'] })
    expect(values(f(w))).toEqual(values(plain(w)))
    expect(values(grad(loss(f))(w))).toEqual(values(grad(loss(plain))(w)))
    checkGrads(f)(w)
    const close = (got: Expr, want: Expr): void => {
      const expected = values(want)
      values(got).forEach((g, i) => {
        expect(g).toBeCloseTo(expected[i]!, 12)
      })
    }
    close(hvp(loss(f))(w, w), hvp(loss(plain))(w, w))
    const ws = tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2])
    close(vmap(grad(loss(f)))(ws), vmap(grad(loss(plain)))(ws))
    close(jvp(f)(w, w)[1], jvp(plain)(w, w)[1])
  })
  test('trees have one name, leaf by leaf', () => {
    const { a, b } = checkpointName('pair')({ a: w, b: { c: w } })
    expect([a, b.c].map((x) => x.node.prim.name)).toEqual(['named', 'named'])
  })
  test('that nothing has are a mistake', () => {
    const f = of(checkpointName('inner'))
    expect(() => checkpoint(f, { keep: ['iner'] })(w)).toThrow(
      /nothing in the function is named 'iner' \(there are inner\)/,
    )
    expect(() => checkpoint(plain, { keep: ['inner'] })(w)).toThrow(/nothing has a name/)
    expect(() => checkpoint(f, { keep: [] })).toThrow(/a list without a name/)
  })
})

test('keeps what can be kept', () => {
  const plainly = checkpoint as (f: unknown, options: unknown) => unknown
  expect(() => plainly((x: Scalar) => x, { keep: 'dots' })).toThrow(
    "checkpoint: keep is the string dots. Choose 'nothing' or 'products'.",
  )
})
