import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scalar, zeros } from '../ops/creation.ts'
import { neg } from '../ops/math.ts'
import type { Tensor } from './tensor.ts'
import * as tree from './tree.ts'

const runs = { seed: 5, numRuns: 200 }
const leaf: fc.Arbitrary<Tensor> = fc.nat(9).map((n) => scalar(n))
const { node } = fc.letrec<{ node: tree.Tree }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.constant(null),
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'weight', '0', '__proto__', 'a.b'), tie('node'), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
}))

describe('laws', () => {
  it('unflatten . flatten = id', () => {
    fc.assert(
      fc.property(node, (t) => {
        const { leaves, treedef } = tree.flatten(t)
        expect(tree.unflatten(treedef, leaves)).toEqual(t)
        expect(treedef.size).toBe(leaves.length)
      }),
      runs,
    )
  })
  it('map id = id, and map (f . g) = map f . map g', () => {
    fc.assert(
      fc.property(node, (t) => {
        expect(tree.map((x) => x, t)).toEqual(t)
        const f = (x: Tensor): number => x.node.args.length
        expect(tree.map((x) => f(neg(x)), t)).toEqual(tree.map(f, tree.map(neg, t)))
      }),
      runs,
    )
  })
  it('map visits the leaves in the order of flatten, under the paths of paths', () => {
    fc.assert(
      fc.property(node, (t) => {
        const seen: (readonly [string, Tensor])[] = []
        tree.mapWithPath((path, x) => seen.push([path, x]), t)
        expect(seen.map(([, x]) => x)).toEqual(tree.leaves(t))
        expect(seen.map(([path]) => path)).toEqual(tree.paths(t))
      }),
      runs,
    )
  })
  it('the key is that of the structure: leaves do not matter, all else does', () => {
    fc.assert(
      fc.property(node, node, (s, t) => {
        const key = (x: tree.Tree): string => tree.structure(x).key
        expect(key(tree.map(neg, t))).toBe(key(t))
        const skeleton = (x: tree.Tree): unknown => tree.map(() => 'leaf', x)
        const same = JSON.stringify(sorted(skeleton(s))) === JSON.stringify(sorted(skeleton(t)))
        expect(key(s) === key(t)).toBe(same)
      }),
      runs,
    )
  })
})
/** Entries in the order of keys, so that JSON compares structures. */
const sorted = (x: unknown): unknown => {
  if (Array.isArray(x)) return x.map(sorted)
  if (typeof x !== 'object' || x === null) return x
  return {
    record: Object.entries(x)
      .sort(([p], [q]) => (p < q ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  }
}

describe('order and paths', () => {
  it('objects are read by sorted key, whatever the order of insertion', () => {
    const t = { b: zeros([2]), a: [zeros([3]), null], c: { x: zeros([4]) } }
    expect(tree.paths(t)).toEqual(['a.0', 'b', 'c.x'])
    expect(tree.leaves(t).map((x) => x.shape)).toEqual([[3], [2], [4]])
    expect(tree.flatten(t).treedef.key).toBe('{"a":[*,~],"b":*,"c":{"x":*}}')
    expect(tree.size(t)).toBe(9)
  })
  it('an undefined field is empty and stays', () => {
    const t = { a: zeros([2]), b: undefined } as unknown as tree.Tree
    expect(tree.map((x) => x, t)).toEqual(t)
    expect(tree.leaves(t)).toHaveLength(1)
  })
})

describe('errors', () => {
  it('name the path where structures differ', () => {
    const x = zeros([2])
    const difference = (p: tree.Tree, q: tree.Tree): string => {
      try {
        tree.map((a) => a, p, q)
        return 'none'
      } catch (error) {
        return error instanceof tree.TreeError ? error.message : 'another error'
      }
    }
    expect(difference({ a: [x, x] }, { a: [x, null] })).toBe(
      'tree.map: trees differ at a.1: the first has a tensor f32[2], tree 2 has null. All trees must have the structure of the first.',
    )
    expect(difference({ a: x }, { a: x, b: x })).toContain(
      'at the root: the first has an object with keys {a}, tree 2 has an object with keys {a, b}',
    )
    expect(difference({ a: [x] }, { a: [x, x] })).toContain(
      'at a: the first has an array of 1, tree 2 has an array of 2',
    )
    expect(difference({ a: [x] }, { a: { 0: x } })).toContain('at a')
    expect(difference({ a: null }, { a: x })).toContain('at a')
    // Names that are one text when they are joined.
    expect(difference({ 'a,b': x, c: x }, { a: x, 'b,c': x })).toContain('at the root')
  })
  it('refuse what is no tree, and tell where it is', () => {
    expect(() => tree.flatten({ a: [1 as unknown as Tensor] })).toThrow(
      'the number 1 at a.0 is no tree. Leaves are tensors; wrap the number with scalar(x)',
    )
    expect(() => tree.leaves({ m: new Map() as unknown as Tensor })).toThrow('an instance of Map at m')
    expect(() => tree.leaves((() => 0) as unknown as Tensor)).toThrow('a function at the root')
  })
  it('count the leaves of unflatten', () => {
    expect(() => tree.unflatten(tree.structure([zeros([1]), zeros([1])]), [zeros([1])])).toThrow(
      '1 leaves for the structure [*,*] of 2',
    )
  })
})
