/** WebGPU for Node: Dawn, the package `webgpu`. `#dawn` names this file in Node; a browser's bundle gets absent.ts in its place. */
import { type Hearing, hearing } from './dawn-stderr.ts'

export interface Binding {
  readonly create: (options: string[]) => GPU
  /** Calls what looks for adapters. */
  readonly looking: Hearing
}

const isMissing = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_MODULE_NOT_FOUND'

/** Rejects where it is not installed: it weighs 130 MB, and only those who compute on a GPU need it. */
export const loadDawn = async (): Promise<Binding> => {
  try {
    const { create } = await import('webgpu')
    return { create, looking: await hearing() }
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown
    throw new Error('in Node it needs the package webgpu, which is not installed: run `npm install webgpu`', {
      cause: thrown,
    })
  }
}
