/**
 * Running expressions: `realize` and `read`, and their awaiting twins. Programs are cached by the structure of what is
 * asked, so that a loop which builds the same expression each turn compiles it once.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { HostArray, HostArrays, DType } from './dtype.ts'
import { type Expr, rewrite, toposort, withArgs } from './expr.ts'
import { buffer, parameter } from './primitives/leaves.ts'
import { currentDevice } from './runtime/current.ts'
import { type Device, type DeviceError, DeviceFailure, type Executable } from './runtime/device.ts'
import {
  bind,
  type Bound,
  demandPresent,
  deviceOf,
  hostDataOf,
  keepReadBack,
  storageOfTensor,
} from './runtime/storages.ts'
import { simplify, structureKey } from './simplify.ts'
import { type Tensor, typed } from './tensor.ts'
import { tracing, leak } from './trace.ts'
import * as tree from './tree.ts'

/** Programs remembered, and the scratch memory that they may hold together, in bytes. */
const PROGRAMS = 256
const SCRATCH = 1 << 28

const caches = new WeakMap<Device, Map<string, Executable>>()

const scratchOf = ({ program }: Executable): number =>
  program?.slabs.reduce((n, bytes) => n + bytes, 0) ?? 0

/** Compiled once a structure; the least recently used programs go when there are many, or when they hold much. */
const executableFor = (device: Device, leaves: readonly Expr[], outputs: readonly Expr[]): Executable => {
  const cache = caches.get(device) ?? new Map<string, Executable>()
  caches.set(device, cache)
  const key = structureKey(leaves, outputs)
  const made = cache.get(key) ?? device.compile({ inputs: leaves, outputs, donated: leaves.map(() => false) })
  cache.delete(key)
  cache.set(key, made)
  let scratch = 0
  for (const executable of cache.values()) scratch += scratchOf(executable)
  for (const [oldest, executable] of cache) {
    if (executable === made || (cache.size <= PROGRAMS && scratch <= SCRATCH)) break
    cache.delete(oldest)
    scratch -= scratchOf(executable)
  }
  return made
}

/** Runs expressions now; the results are tensors in device memory. Throws where one depends on an open trace. */
export const realizeLeaves = (device: Device, roots: readonly Expr[]): readonly Tensor[] => {
  const wanted = [...new Set(roots.filter((x) => storageOfTensor(x) === null || hostDataOf(x) !== null))]
  for (const x of wanted) {
    const trace = tracing(x)
    const stand = trace === null ? undefined : toposort([x]).find((e) => e.args.length === 0 && tracing(e) !== null)
    if (stand !== undefined) throw new Error(`realize: ${leak(stand)}`)
  }
  const done = new Map<Expr, Tensor>()
  if (wanted.length > 0) {
    const simple = simplify(wanted)
    // Leaves become parameters, so that a program does not depend on the data it first ran on.
    const stands = new Map<Expr, Expr>()
    const held: Bound[] = []
    const outputs = rewrite(simple, (e, args) => {
      if (e.prim.lower.kind !== 'leaf') return withArgs(e, args)
      const bound = bind(device, e)
      if (bound === null) throw new Error(`realize: ${leak(e)}`)
      held.push(bound)
      const stand = parameter(e)
      stands.set(e, stand)
      return stand
    })
    const executable = executableFor(device, [...stands.values()], outputs)
    const results = executable.run(held.map((b) => b.storage))
    for (const b of held) if (b.transient) device.release(b.storage)
    wanted.forEach((x, i) => done.set(x, typed(buffer(results[i]!))))
  }
  return roots.map((x) => done.get(x) ?? (x as Tensor))
}

const attempt = <A>(body: () => A): E.Either<DeviceError, A> => {
  try {
    return E.right(body())
  } catch (error) {
    if (error instanceof DeviceFailure) return E.left(error.error)
    throw error
  }
}

/** Computes every tensor of a tree on a device. */
export const realize =
  (device: Device) =>
  <T extends tree.Tree>(tensors: T): TE.TaskEither<DeviceError, T> =>
    TE.fromIOEither(() =>
      attempt(() => {
        const { leaves, treedef } = tree.flatten(tensors)
        return tree.unflatten(treedef, realizeLeaves(device, leaves)) as T
      }),
    )

/** Computes one tensor on a device and copies it to the host, row-major. */
export const read =
  (device: Device) =>
  <D extends DType>(x: Tensor<readonly number[], D>): TE.TaskEither<DeviceError, HostArrays[D]> =>
    TE.flatten(
      TE.fromIOEither(() =>
        attempt((): TE.TaskEither<DeviceError, HostArrays[D]> => {
          const kept = hostDataOf(x)
          // dtype and array type go together by the table of dtypes
          if (kept !== null) return TE.right(kept.slice() as HostArrays[D])
          const own = storageOfTensor(x)
          if (own !== null) demandPresent(x, own)
          const storage = own ?? storageOfTensor(realizeLeaves(device, [x])[0]!)!
          return TE.map((data: HostArray) => {
            if (own === null) storage.device.release(storage)
            else keepReadBack(storage, data.slice())
            return data as HostArrays[D]
          })(storage.device.download(storage))
        }),
      ),
    )

const orThrow = async <A>(task: TE.TaskEither<DeviceError, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw new DeviceFailure(result.left)
  return result.right
}

/** `realize` for scripts: awaits, and throws DeviceFailure. */
export const realizeAsync = <T extends tree.Tree>(tensors: T, device?: Device): Promise<T> =>
  orThrow(realize(device ?? deviceOf(tree.leaves(tensors)) ?? currentDevice())(tensors))

/**
 * `read` for scripts: the elements of a tensor, row-major. Runs on `device`, else where the tensor's own memory is, else
 * on the default device. Throws DeviceFailure.
 *
 * @example
 * ```ts
 * import { add, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(add(tensor([1, 2]), 10))) // Float32Array [11, 12]
 * ```
 */
export const readAsync = <D extends DType>(x: Tensor<readonly number[], D>, device?: Device): Promise<HostArrays[D]> =>
  orThrow(read(device ?? deviceOf(toposort([x])) ?? currentDevice())(x))
