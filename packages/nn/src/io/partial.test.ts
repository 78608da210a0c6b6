// Trees of a user's own by name: under other names, and in part.
import { ones, readAsync, tensor, zeros } from '@adjoint/tensor'
import { isRight } from 'fp-ts/lib/Either.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adjoint-partial-'))
})
afterAll(() => rm(folder, { recursive: true }))

const body = { layers: [{ weight: tensor([1, 2, 3, 4], [2, 2]) }, { weight: tensor([5, 6, 7, 8], [2, 2]) }] }
const saved = { body, head: tensor([9, 9], [2]) }
const values = async (x: Parameters<typeof readAsync>[0]): Promise<readonly number[]> => [...(await readAsync(x))]

test('leaves go to a file under other names, and come back from it', async () => {
  const path = join(folder, 'renamed.safetensors')
  const rename = (name: string): string => `model.${name.replace('layers', 'h')}`
  expect(isRight(await saveCheckpoint({ path, rename })(saved)())).toBe(true)
  const plain = await loadCheckpoint({ path })(saved)()
  expect(plain).toMatchObject({ left: { _tag: 'Mismatch', leaf: 'body.layers.0.weight' } })
  const loaded = await loadCheckpoint({ path, rename })(saved)()
  if (!isRight(loaded)) return expect.fail(loaded.left.message)
  const { tree, missing, unexpected } = loaded.right
  expect(await values(tree.body.layers[1]!.weight)).toEqual([5, 6, 7, 8])
  expect([missing, unexpected]).toEqual([[], []])
})

test('a part is enough where that is asked for: the rest keeps the values of the template, and both sides are told', async () => {
  const path = join(folder, 'part.safetensors')
  expect(isRight(await saveCheckpoint({ path })(saved)())).toBe(true)
  // a third layer, and a head under another name
  const layers = [0, 1, 2].map(() => ({ weight: zeros([2, 2]) }))
  const template = { body: { layers }, classifier: ones([3]) }
  expect(await loadCheckpoint({ path })(template)()).toMatchObject({ left: { _tag: 'Mismatch' } })
  const loaded = await loadCheckpoint({ path, partial: true })(template)()
  if (!isRight(loaded)) return expect.fail(loaded.left.message)
  const { tree, missing, unexpected } = loaded.right
  expect(await values(tree.body.layers[0]!.weight)).toEqual([1, 2, 3, 4])
  expect(await values(tree.body.layers[2]!.weight)).toEqual([0, 0, 0, 0])
  expect(tree.classifier).toBe(template.classifier)
  expect(missing).toEqual(['body.layers.2.weight', 'classifier'])
  expect(unexpected).toEqual(['head'])
})

test('what is shared is to fit, and two leaves are not written under one name', async () => {
  const path = join(folder, 'fit.safetensors')
  expect(isRight(await saveCheckpoint({ path })(saved)())).toBe(true)
  expect(await loadCheckpoint({ path, partial: true })({ head: zeros([3]) })()).toMatchObject({
    left: { _tag: 'Mismatch', leaf: 'head' },
  })
  await expect(saveCheckpoint({ path, rename: () => 'x' })(saved)()).rejects.toThrow(/gives the name x to/)
  // one tensor for two leaves: tied weights
  const tied = await loadCheckpoint({ path, partial: true, rename: () => 'head' })({ a: zeros([2]), b: zeros([2]) })()
  if (!isRight(tied)) return expect.fail(tied.left.message)
  expect(await values(tied.right.tree.b)).toEqual([9, 9])
})
