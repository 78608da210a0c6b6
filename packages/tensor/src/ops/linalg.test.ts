import { between, close, data, hostArray, positiveDims, shapes, type Data } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
import { broadcastShapes, type Shape } from '../base/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { arange, scalar, tensor, zeros } from './creation.ts'
import { einsum } from './einsum.ts'
import { diagonal, dot, matmul, outer, trace, tril, triu } from './linalg.ts'
import { broadcastTo, reshape, transpose } from './movement.ts'
import { sum } from './reductions.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const from = (d: Data): Tensor => tensor(hostArray(d), d.shape, d.dtype)
const runs = { seed: 71, numRuns: 60 }
const small = between(-2, 2)
const arrays = (...of: readonly Shape[]): fc.Arbitrary<readonly Tensor[]> =>
  fc.tuple(...of.map((s) => data(s, 'f32', small))).map((ds) => ds.map(from))
const equal = (x: Expr, y: Expr): void => {
  expect(x.shape).toEqual(y.shape)
  const expected = values(y)
  values(x).forEach((v, i) => expect(close(v, expected[i]!, { relative: 1e-5, absolute: 1e-5 })).toBe(true))
}
const sizes = fc.tuple(positiveDims, positiveDims, positiveDims, positiveDims)
/** Names of the primitives that a tensor is made of, by their records. */
const made = (x: Expr): readonly string[] => toposort([x]).map((e) => e.prim.name)

describe('matmul', () => {
  it('is the sum of products over the inner axis', () => {
    fc.assert(
      fc.property(
        sizes.chain(([m, k, n]) => arrays([m, k], [k, n])),
        ([x, y]) => {
          const [m, k, n] = [x!.shape[0]!, x!.shape[1]!, y!.shape[1]!]
          const [a, b] = [values(x!), values(y!)]
          const z = values(matmul(x!, y!))
          for (let i = 0; i < m; i++)
            for (let j = 0; j < n; j++) {
              let total = 0
              for (let l = 0; l < k; l++) total += a[i * k + l]! * b[l * n + j]!
              expect(z[i * n + j]).toBeCloseTo(total, 5)
            }
        },
      ),
      runs,
    )
  })
  it('(x y)^T = y^T x^T', () => {
    fc.assert(
      fc.property(
        sizes.chain(([m, k, n]) => arrays([m, k], [k, n])),
        ([x, y]) => {
          equal(transpose()(matmul(x!, y!)), matmul(transpose()(y!), transpose()(x!)))
        },
      ),
      runs,
    )
  })
  it('is one dot and no batch where y is a matrix', () => {
    const z = matmul(zeros([2, 5, 3]), zeros([3, 4]))
    expect(z.shape).toEqual([2, 5, 4])
    const dots = toposort([z]).filter((e) => e.prim.name === 'dot')
    expect(dots.map(({ outs }) => outs[0]!.shape)).toEqual([[10, 4]])
  })
  it('broadcasts leading axes, and takes vectors as NumPy does', () => {
    fc.assert(
      fc.property(
        sizes.chain(([b, m, k, n]) => arrays([b, 1, m, k], [5, k, n], [k])),
        ([x, y, v]) => {
          const batches = matmul(x!, y!)
          equal(batches, einsum('bmk,akn->bamn')(einsum('bamk->bmk')(x!), y!))
          equal(matmul(x!, v!), einsum('...k,k->...')(x!, v!))
          equal(matmul(v!, y!), einsum('k,akn->an')(v!, y!))
          equal(matmul(v!, v!), sum()(einsum('k,k->k')(v!, v!)))
        },
      ),
      runs,
    )
  })
  it('names what does not fit', () => {
    const [x, y]: readonly Tensor[] = [zeros([2, 3]), zeros([4, 5])]
    expect(() => matmul(x!, y!)).toThrow(
      'matmul(f32[2, 3], f32[4, 5]): inner sizes 3 and 4 differ; [.., m, k] x [.., k, n] -> [.., m, n]. Transpose an operand, or check which axis is contracted',
    )
    expect(() => matmul(x!, zeros([], 'f32') as Tensor)).toThrow('Scale with mul')
    expect(() => matmul(zeros([2, 2, 3]) as Tensor, zeros([3, 3, 2]) as Tensor)).toThrow(
      'leading axes do not broadcast',
    )
    expect(() => matmul(x!, zeros([3, 2], 'i32') as Tensor)).toThrow('one dtype')
  })
})

describe('einsum', () => {
  it('is matmul, transpose, trace, outer and sum', () => {
    fc.assert(
      fc.property(
        sizes.chain(([b, m, k, n]) => arrays([b, m, k], [b, k, n], [m, m], [m], [n])),
        ([x, y, q, u, v]) => {
          equal(einsum('bij,bjk->bik')(x!, y!), matmul(x!, y!))
          equal(einsum('ij,jk')(q!, q!), matmul(q!, q!))
          equal(einsum('...ij,...jk->...ik')(x!, y!), matmul(x!, y!))
          equal(einsum('ij->ji')(q!), transpose()(q!))
          equal(einsum('ii')(q!), trace()(q!))
          equal(einsum('ii->i')(q!), diagonal()(q!))
          equal(einsum('i,j->ij')(u!, v!), outer(u as never, v as never))
          equal(einsum('bij->')(x!), sum()(x!))
          equal(einsum('bij->j')(x!), sum({ axis: [0, 1] })(x!))
          // three operands, and a sum over a letter of one alone
          equal(einsum('bij,bjk,k->bi')(x!, y!, v!), matmul(matmul(x!, y!), v!))
          equal(einsum('ij,k->i')(q!, v!), einsum('i,->i')(sum({ axis: 1 })(q!), sum()(v!)))
        },
      ),
      runs,
    )
  })
  it('is one dot for each pair', () => {
    const attention = einsum('bhtd,bhsd->bhts')(zeros([2, 4, 7, 16]), zeros([2, 4, 9, 16]))
    expect(attention.shape).toEqual([2, 4, 7, 9])
    expect(made(attention).filter((name) => name === 'dot')).toHaveLength(1)
    expect(made(attention)).not.toContain('mul')
  })
  it('names what does not fit', () => {
    const x: Tensor = zeros([2, 3])
    expect(() => einsum('ij,jk->ik')(x, x)).toThrow(
      "einsum('ij,jk->ik')(f32[2, 3], f32[2, 3]): 'j' is 3 in one place and 2 in another",
    )
    expect(() => einsum('ij,jk->ik')(x)).toThrow('2 terms for 1 operands')
    expect(() => einsum('ijk->i')(x)).toThrow("term 'ijk' names 3 axes of an operand of rank 2")
    expect(() => einsum('ij->iz')(x)).toThrow("the output 'iz' names an axis twice, or one that no operand has")
    expect(() => einsum('i?->i')(x)).toThrow('a term is letters')
  })
})

describe('dot and outer', () => {
  it('dot puts leading axes beside each other', () => {
    fc.assert(
      fc.property(
        sizes.chain(([b, m, k, n]) => arrays([m, k], [b, k, n])),
        ([x, y]) => {
          equal(dot(x!, y!), einsum('mk,bkn->mbn')(x!, y!))
        },
      ),
      runs,
    )
    expect(values(dot(tensor([1, 2, 3]), tensor([4, 5, 6])))).toEqual([32])
  })
  it('outer takes vectors only', () => {
    expect(values(outer(tensor([1, 2]), tensor([3, 4])))).toEqual([3, 4, 6, 8])
    expect(() => outer(zeros([1, 1]) as never, zeros([2]) as never)).toThrow('both operands are vectors')
  })
})

describe('diagonals and triangles', () => {
  const at = (x: Tensor, i: number, j: number): number => values(x)[i * x.shape[1]! + j]!
  it('diagonal and trace with any offset', () => {
    fc.assert(
      fc.property(positiveDims, positiveDims, fc.integer({ min: -8, max: 8 }), (n, m, offset) => {
        const x: Tensor = reshape([n, m] as Shape)(arange(n * m) as Tensor)
        const expected: number[] = []
        for (let i = 0; i < n; i++) if (i + offset >= 0 && i + offset < m) expected.push(at(x, i, i + offset))
        expect(values(diagonal({ offset })(x))).toEqual(expected)
        expect(values(trace({ offset })(x))).toEqual([expected.reduce((p, q) => p + q, 0)])
      }),
      runs,
    )
  })
  it('over other axes', () => {
    const x: Tensor = reshape([2, 3, 2] as Shape)(arange(12) as Tensor)
    expect(values(diagonal({ axis1: 0, axis2: 2 })(x))).toEqual([0, 7, 2, 9, 4, 11])
    expect(() => diagonal({ axis1: 1, axis2: -2 })(x)).toThrow('two different axes')
  })
  it('tril and triu part a matrix', () => {
    const x: Tensor = reshape([3, 3] as Shape)(arange(1, 10) as Tensor)
    expect(values(tril()(x))).toEqual([1, 0, 0, 4, 5, 0, 7, 8, 9])
    expect(values(triu()(x))).toEqual([1, 2, 3, 0, 5, 6, 0, 0, 9])
    expect(values(tril(-1)(x))).toEqual([0, 0, 0, 4, 0, 0, 7, 8, 0])
    expect(values(triu(1)(x))).toEqual([0, 2, 3, 0, 0, 6, 0, 0, 0])
    expect(() => tril()(zeros([3]))).toThrow('a triangle needs two axes')
  })
})

describe('einsum broadcasts', () => {
  it('its ellipsis, and axes of size 1, as the operands spread by hand do', () => {
    fc.assert(
      fc.property(
        shapes({ maxRank: 2, dim: positiveDims }).chain((lead) => fc.tuple(fc.constant(lead), fc.nat(3), fc.nat(3))),
        ([lead, p, q]) => {
          // every axis of the lead may be 1, or missing, on either side
          const thin = (shape: Shape, mask: number): Shape => shape.map((d, i) => ((mask >> i) & 1 ? 1 : d))
          const count = (shape: Shape): number => shape.reduce((n, d) => n * d, 1)
          const filled = (shape: Shape, k: number): Tensor =>
            tensor(
              Float32Array.from({ length: count(shape) }, (_, i) => ((i * k) % 7) - 3),
              shape,
            )
          const x = filled([...thin(lead, p), 2, 3], 3)
          const y = filled([...thin(lead.slice(q % 2), q), 3, 4], 5)
          const whole = broadcastShapes(x.shape.slice(0, -2), y.shape.slice(0, -2))!
          const wide = (z: Tensor): Tensor => broadcastTo([...whole, ...z.shape.slice(-2)] as Shape)(z)
          equal(einsum('...ij,...jk->...ik')(x, y), matmul(wide(x), wide(y)))
        },
      ),
      { seed: 5, numRuns: 60 },
    )
  })
  it('known shapes and values', () => {
    expect(einsum('...ij,...jk->...ik')(zeros([1, 2, 3]), zeros([4, 3, 5])).shape).toEqual([4, 2, 5])
    expect(einsum('...,...')(zeros([3, 1]), zeros([4])).shape).toEqual([3, 4])
    const column: Tensor = tensor([[1], [2]])
    const square: Tensor = tensor([[1, 10], [100, 1000]]) // prettier-ignore
    equal(einsum('ij,ij->ij')(column, square), tensor([[1, 10], [200, 2000]])) // prettier-ignore
    equal(einsum('ij,ij->')(column, square), scalar(2211))
    equal(einsum('ij,jk->ik')(column, square), tensor([[101, 1010], [202, 2020]])) // prettier-ignore
    equal(einsum('ii->i')(square), tensor([1, 1000]))
    equal(einsum('ii,i')(square, tensor([2]) as Tensor), scalar(2002))
    expect(() => einsum('ij,jk')(zeros([2, 3]) as Tensor, zeros([4, 5]))).toThrow(
      "einsum('ij,jk')(f32[2, 3], f32[4, 5]): 'j' is 3 in one place and 4 in another. Axes of one letter have one size, or 1",
    )
    expect(() => einsum('ii')(zeros([1, 3]))).toThrow("'i' is 1 in one place and 3 in another")
    expect(() => einsum('...i,...i')(zeros([2, 3]) as Tensor, zeros([4, 3]))).toThrow('axis -1 of the ellipsis is 2')
  })
})
