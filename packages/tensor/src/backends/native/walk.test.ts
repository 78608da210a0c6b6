// A table knows functions as addresses, which hold nothing: what a walk may call must live as long as it does, and no longer.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import type { CompiledKernel, Walk } from '../linear/machine.ts'
import { walkInC } from './walk.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
/** A weak reference pins its target to the end of the turn. */
const collected = async (): Promise<void> => {
  await new Promise<void>((resolve) => void setTimeout(resolve))
  collect()
}

it('a walk holds the functions whose addresses it has', async () => {
  const walkOf = walkInC(
    { func: () => Object.assign(() => 1, { async: () => undefined }), symbol: () => 0n },
    () => null,
    1,
  )
  const made = (): readonly [Walk, WeakRef<CompiledKernel>] => {
    const kernel: CompiledKernel = {
      call: () => undefined,
      units: 1,
      scratchBytes: 0,
      bytes: 0,
      native: { address: 4096, work: 1, turns: 1 },
    }
    const blame = { op: 'test', site: null }
    const walk = walkOf([{ kind: 'kernel', kernel, buffers: [], scratch: 0, args: [0, 1, 0], blame, counts: 1 }])
    return [walk, new WeakRef(kernel)]
  }
  const held: { walk: Walk | null } = { walk: null }
  let kernel: WeakRef<CompiledKernel>
  ;[held.walk, kernel] = made()
  await collected()
  expect(kernel.deref()).toBeDefined()
  expect(held.walk([], 0)).toBe(1)
  held.walk = null
  await collected()
  expect(kernel.deref()).toBeUndefined()
})
