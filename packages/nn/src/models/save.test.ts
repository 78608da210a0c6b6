import { random, tensor } from '@adjoint/tensor'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointFailure } from '../io/failure.ts'
import { type Files, nodeFiles } from '../io/files.ts'
import { transformer } from '../transformer.ts'
import { llama } from './llama.ts'
import { loadModelAsync } from './load.ts'
import { saveModel, saveModelAsync } from './save.ts'

const smallOf = (width: number) => transformer(llama({ vocab: 32, width, layers: 1, heads: 2, context: 16 }))
let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'adjoint-save-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

describe('saveModel', () => {
  it('a save that fails, while weights or the description are written, leaves the folder that was there', async () => {
    const path = join(root, 'kept')
    const old = smallOf(8)
    await saveModelAsync({ path })(old, old.init(random.key(0)))
    const contents = async () =>
      new Map(
        await Promise.all((await readdir(path)).sort().map(async (f) => [f, await readFile(join(path, f))] as const)),
      )
    const before = await contents()
    for (const name of ['config.json', 'model.safetensors']) {
      const full: Files = {
        ...nodeFiles,
        replace: (files, obsolete) =>
          nodeFiles.replace(
            files.map((file) =>
              file.path.endsWith(name)
                ? {
                    ...file,
                    pieces: (function* () {
                      yield new Uint8Array(1)
                      throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
                    })(),
                  }
                : file,
            ),
            obsolete,
          ),
      }
      const other = smallOf(16)
      const outcome = await saveModel({ path, files: full })(other, other.init(random.key(1)))()
      expect(outcome).toMatchObject({ _tag: 'Left', left: { _tag: 'NoSpace' } })
      expect(await contents()).toEqual(before)
    }
    const { model, params } = await loadModelAsync({ path })
    expect(model.apply(params)(tensor([1, 2], [1, 2], 'i32')).shape).toEqual([1, 2, 32])
  })

  it('its twin throws what its task leaves', async () => {
    const model = smallOf(8)
    const saved = saveModelAsync({
      path: join(root, 'none'),
      files: {
        ...nodeFiles,
        makeFolder: () => Promise.reject(Object.assign(new Error('denied'), { code: 'EACCES' })),
      },
    })(model, model.init(random.key(0)))
    await expect(saved).rejects.toThrow(CheckpointFailure)
  })
})
