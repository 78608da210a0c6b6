/** Libraries of compiled C, by their source text. */
import * as E from 'fp-ts/lib/Either.js'
import type { Library, System } from './system.ts'
import { compileTo, type Toolchain, type ToolchainFailure } from './toolchain.ts'

export interface Objects {
  /** A library of each source text, in order; compiles those that are nowhere yet. */
  readonly of: (
    sources: readonly string[],
  ) => E.Either<ToolchainFailure, readonly { readonly library: Library; readonly bytes: number }[]>
}

export const createObjects = (system: System, toolchain: Toolchain): Objects => {
  const { fs, path, os } = system
  const one = (source: string): E.Either<ToolchainFailure, { library: Library; bytes: number }> => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'adjoint-'))
    const target = path.join(folder, 'kernel.so')
    const done = compileTo(system, toolchain, source, target)
    if (E.isLeft(done)) return done
    const { size } = fs.statSync(target)
    const library = system.foreign.load(target)
    fs.rmSync(folder, { recursive: true })
    return E.right({ library, bytes: size })
  }
  return {
    of: (sources) => {
      const made = []
      for (const source of sources) {
        const object = one(source)
        if (E.isLeft(object)) return object
        made.push(object.right)
      }
      return E.right(made)
    },
  }
}
