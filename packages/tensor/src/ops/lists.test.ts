// A list that an operation was given may change afterwards: neither a tensor nor a configured operation does.
import { describe, expect, it } from 'vitest'
import * as t from '../index.ts'
import { evaluate, type Expr } from '../ir.ts'

const x = t.reshape([2, 3])(t.arange(6))
const line = t.arange(4)
const key = t.random.key(1)
type Lists = readonly (number[] | number[][])[]

/** What is called with lists, and what they are: the tensor, or tensors, that follow. */
interface Case {
  readonly lists: () => Lists
  readonly of: (...lists: never[]) => () => t.Tensor | readonly t.Tensor[]
}
/** Lists among the data: the tensor is there at once. */
const data = (lists: () => Lists, of: (...lists: never[]) => t.Tensor | readonly t.Tensor[]): Case => ({
  lists,
  of: (...given) => {
    const made = of(...given)
    return () => made
  },
})
/** Lists in the configuration: a function is there, and is called later. */
const configured = (
  lists: () => Lists,
  of: (...lists: never[]) => (x: never) => unknown,
  operand: t.Tensor = x,
): Case => ({
  lists,
  of: (...given) => {
    const f = of(...given)
    return () => f(operand as never) as t.Tensor
  },
})
const reductions = ['sum', 'prod', 'max', 'min', 'mean', 'variance', 'std', 'logsumexp'] as const
const floats = t.cast('f32')(x)

const cases: Readonly<Record<string, Case>> = {
  zeros: data(
    () => [[2, 3]],
    (s: number[]) => t.zeros(s),
  ),
  'zeros of no axes': data(
    () => [[]],
    (s: number[]) => t.zeros(s),
  ),
  ones: data(
    () => [[2, 3]],
    (s: number[]) => t.ones(s),
  ),
  full: data(
    () => [[2, 3]],
    (s: number[]) => t.full(s, 7),
  ),
  'tensor, its shape': data(
    () => [[3, 2]],
    (s: number[]) => t.tensor(new Float32Array(6), s),
  ),
  'tensor, its elements': data(
    () => [[1, 2, 3]],
    (d: number[]) => t.tensor(d),
  ),
  'tensor, its rows': data(() => [[[1, 2], [3, 4]]], (d: number[][]) => t.tensor(d)), // prettier-ignore
  'random.normal': data(
    () => [[2, 3]],
    (s: number[]) => t.random.normal()(key, s),
  ),
  'random.uniform': data(
    () => [[2, 3]],
    (s: number[]) => t.random.uniform()(key, s),
  ),
  'random.uniform in an interval': data(
    () => [[2, 3]],
    (s: number[]) => t.random.uniform({ maxval: 2 })(key, s),
  ),
  'random.bits': data(
    () => [[2, 3]],
    (s: number[]) => t.random.bits(key, s),
  ),
  'random.gumbel': data(
    () => [[2, 3]],
    (s: number[]) => t.random.gumbel(key, s),
  ),
  'random.bernoulli': data(
    () => [[2, 3]],
    (s: number[]) => t.random.bernoulli(0.5)(key, s),
  ),
  'random.randint': data(
    () => [[2, 3]],
    (s: number[]) => t.random.randint(0, 9)(key, s),
  ),
  'dynamicSlice, its starts': data(
    () => [[1, 0]],
    (s: number[]) => t.dynamicSlice([1, 2])(x, s),
  ),
  dynamicUpdateSlice: data(
    () => [[1, 0]],
    (s: number[]) => t.dynamicUpdateSlice(x, t.zeros([1, 2], 'i32'), s),
  ),
  dynamicSlice: configured(
    () => [[1, 2]],
    (s: number[]) => {
      const block = t.dynamicSlice(s)
      return (y: t.Tensor) => block(y, [0, 0])
    },
  ),
  reshape: configured(
    () => [[3, 2]],
    (s: number[]) => t.reshape(s),
  ),
  transpose: configured(
    () => [[1, 0]],
    (s: number[]) => t.transpose(s),
  ),
  permute: configured(
    () => [[1, 0]],
    (s: number[]) => t.permute(s),
  ),
  broadcastTo: configured(
    () => [[4, 2, 3]],
    (s: number[]) => t.broadcastTo(s),
  ),
  squeeze: configured(
    () => [[0]],
    (s: number[]) => t.squeeze(s),
    t.ones([1, 2, 1]),
  ),
  slice: configured(() => [[0, 1], [2, 3], [1, 1]], (s: number[], l: number[], by: number[]) => t.slice(s, l, by)), // prettier-ignore
  flip: configured(
    () => [[1]],
    (s: number[]) => t.flip(s),
  ),
  pad: configured(() => [[[1, 0], [0, 2]]], (s: [number, number][]) => t.pad(s)), // prettier-ignore
  split: configured(
    () => [[1, 3]],
    (s: number[]) => t.split(s),
    line,
  ),
  tile: configured(
    () => [[2, 1]],
    (s: number[]) => t.tile(s),
  ),
  any: configured(
    () => [[0]],
    (axis: number[]) => t.any({ axis }),
    t.gt(x, 2),
  ),
  all: configured(
    () => [[0]],
    (axis: number[]) => t.all({ axis }),
    t.gt(x, 2),
  ),
  ...Object.fromEntries(
    reductions.map((name) => [
      name,
      configured(
        () => [[0]],
        (axis: number[]) => t[name]({ axis }),
        floats,
      ),
    ]),
  ),
}

const seen = (made: t.Tensor | readonly t.Tensor[]) => {
  const xs: readonly Expr[] = Array.isArray(made) ? (made as readonly t.Tensor[]) : [made as t.Tensor]
  return evaluate(xs).map(({ shape, dtype, data: values }) => ({ shape: [...shape], dtype, data: [...values] }))
}
/** Other numbers in every list, at every depth, and one more. */
const spoil = (list: unknown[]): void => {
  list.forEach((item, i) => {
    if (Array.isArray(item)) spoil(item)
    else list[i] = Number(item) === 0 ? 1 : 0
  })
  list.push(1)
}

describe('lists that are changed after they were given', () => {
  it.each(Object.entries(cases))('%s', (_, { lists, of }) => {
    const untouched = seen(of(...(lists() as never[]))())
    const given = lists()
    const later = of(...(given as never[]))
    given.forEach(spoil)
    const made = later()
    expect(seen(made)).toEqual(untouched)
    given.forEach(spoil)
    expect(seen(made)).toEqual(untouched)
  })

  it('the tensors that are joined', async () => {
    const parts = [t.ones([2]), t.zeros([2])]
    const [joined, stacked] = [t.concat(0)(parts), t.stack(0)(parts)]
    parts[0] = t.zeros([2])
    parts.push(t.ones([2]))
    expect(await t.readAsync(joined)).toEqual(Float32Array.of(1, 1, 0, 0))
    expect(await t.readAsync(stacked)).toEqual(Float32Array.of(1, 1, 0, 0))
  })

  it('what a compiled function may overwrite', async () => {
    const donate = [0]
    const f = t.jit((p: t.Tensor, q: t.Tensor) => t.add(p, q), { donate })
    donate[0] = 1
    const [p, q] = [await t.realizeAsync(t.ones([3])), await t.realizeAsync(t.ones([3]))]
    f(p, q)
    expect(await t.readAsync(q)).toEqual(Float32Array.of(1, 1, 1))
    await expect(t.readAsync(p)).rejects.toThrow('donated')
  })
})
