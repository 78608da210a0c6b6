import { readAsync, tensor, type Tensor, tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from './log.ts'
import { dataState, recordState, type StateCodec, treeState } from './state.ts'

const leaf: fc.Arbitrary<Tensor> = fc.integer({ min: -9, max: 9 }).map((n) => tensor([n], [1]))
/** A state, how it is kept, and a way to look at it: tensors, data, and records of them under names of all kinds. */
interface Kept {
  readonly state: unknown
  readonly codec: StateCodec<unknown>
}
const name = fc.oneof(
  fc.constantFrom('__proto__', '__metadata__', 'constructor', 'a.b', '', '0', '1', 'toString'),
  fc.string({ maxLength: 3 }),
)
const { kept } = fc.letrec<{ kept: Kept }>((self) => ({
  kept: fc.oneof(
    { maxDepth: 3 },
    leaf.map((state) => ({ state, codec: treeState<Tensor>() as StateCodec<unknown> })),
    fc
      .jsonValue({ noUnicodeString: false })
      .map((value) => JSON.parse(JSON.stringify(value)) as Json)
      .map((state) => ({ state, codec: dataState<Json>(E.right) as StateCodec<unknown> })),
    fc.uniqueArray(fc.tuple(name, self('kept')), { maxLength: 3, selector: ([n]) => n }).map((fields) => ({
      state: Object.fromEntries(fields.map(([n, { state }]) => [n, state])),
      codec: recordState<Record<string, unknown>>(
        Object.fromEntries(fields.map(([n, { codec }]) => [n, codec])),
      ) as StateCodec<unknown>,
    })),
  ),
}))

/** A state as plain data: tensors by their values. */
const shown = async (codec: StateCodec<unknown>, state: unknown): Promise<unknown> => [
  tree.structure(codec.tensors(state)).key,
  await Promise.all(tree.leaves(codec.tensors(state)).map(async (x) => [...(await readAsync(x))])),
  codec.data(state),
]

describe('the codec of a state', () => {
  test('restores what it gave, once the data went through JSON, whatever the names are', async () => {
    await fc.assert(
      fc.asyncProperty(kept, async ({ state, codec }) => {
        const data = JSON.parse(JSON.stringify(codec.data(state))) as Json
        const restored = codec.restore(codec.tensors(state), data)
        if (E.isLeft(restored)) throw new Error(restored.left)
        expect(await shown(codec, restored.right)).toEqual(await shown(codec, state))
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('says where data are not what they must be', () => {
    const codec = recordState<{ readonly x: Tensor; readonly inner: { readonly n: number } }>({
      x: treeState(),
      inner: recordState({ n: dataState((d) => (typeof d === 'number' ? E.right(d) : E.left('it is no number'))) }),
    })
    const tensors = { x: tensor([1], [1]), inner: { n: null } }
    expect(codec.restore(tensors, { x: null, inner: { n: 'one' } })).toEqual(E.left('inner: n: it is no number'))
    expect(codec.restore(tensors, { x: 3, inner: { n: 1 } })).toEqual(
      E.left('x: it holds data, and the state is tensors only'),
    )
    expect(codec.restore(tensors, { x: null })).toEqual(E.left('its data are not those of 2 fields'))
    expect(codec.restore(tensors, [])).toEqual(E.left('its data are not those of 2 fields'))
  })
})
