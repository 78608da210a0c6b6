/**
 * `jit`: traces a function once a signature (tree structure, shapes, dtypes), compiles what it returned into one program,
 * and replays that. Inside another transformation, or on arguments that still depend on one, it is the function itself.
 */
import { compute } from './compute.ts'
import type { Expr } from '../graph/expr.ts'
import { rewrite, toposort, withArgs } from '../graph/walk.ts'
import { invariants } from '../compile/hoist.ts'
import { parameter } from '../graph/parameter.ts'
import { buffer, bufferP } from '../primitives/leaves.ts'
import { bind, deviceOf, together, withTransients } from './binding.ts'
import { bounded, type Bounded } from '../base/bounded.ts'
import { bytesOf } from '../base/aval.ts'
import { currentDevice } from './current.ts'
import type { Device, Executable, Storage } from '../backends/device.ts'
import { overRemembered, remembered } from './memo.ts'
import { hostDataOf, markDonated, storageOfTensor } from './storages.ts'
import type { Program } from '../compile/program.ts'
import { simplify } from '../compile/simplify.ts'
import { captureSite, describeSite } from '../base/site.ts'
import { isTraced, leak, withTrace } from '../graph/trace.ts'
import * as tree from '../graph/tree.ts'

/** How `jit` runs what it compiles. */
export interface JitOptions {
  /** Positions of arguments whose memory the call may overwrite; they cannot be used afterwards. */
  readonly donate?: readonly number[]
  /** Where to run; by default where the arguments are, else the default device. */
  readonly device?: Device
}

/** A compiled function: called as the function it was made of. */
export interface Jitted<A extends readonly tree.Tree[], B extends tree.Tree> {
  /** Runs the program of these arguments, compiling it where their signature is new. Returns before the device is done. */
  (...args: A): B
  /** The program that a call with these arguments would run (compiled, not run); null on the reference device. */
  readonly program: (...args: A) => Program | null
}

/** Programs that one function keeps, and the bytes that they may hold: the least recently used signatures are compiled anew. */
const PROGRAMS = 128
const PROGRAM_BYTES = 2 ** 30

interface Compiled {
  readonly executable: Executable
  readonly out: tree.TreeDef
  /** Tensors in device memory that the function closes over, bound after the arguments. */
  readonly captured: readonly Expr[]
  /** Those among them that it computed for itself: what follows from no argument. */
  readonly own: readonly Storage[]
}

const release = ({ executable, own }: Compiled): void => {
  executable.release()
  for (const storage of own) if (storage.gone() === null) storage.device.release(storage)
}
/** Whether what it closes over is still there: a value that was remembered may have been donated since, and can be computed again. */
const stands = ({ captured }: Compiled): boolean =>
  captured.every((x) => {
    const storage = storageOfTensor(x)
    return storage === null || storage.gone() === null || hostDataOf(x) !== null
  })

/** A call about to be made: its program, and its arguments leaf by leaf. */
interface Prepared {
  readonly compiled: Compiled
  readonly device: Device
  readonly leaves: readonly Expr[]
  readonly donated: readonly boolean[]
}

/**
 * Compiles a function of trees of tensors. The first call with a signature traces, schedules and compiles; later ones
 * replay the program: one submission, and no new device object in steady state.
 *
 * Arguments are traced, scalars included; tensors that the function closes over are part of the program, and what follows
 * from them alone is computed once. Inside `grad`,
 * `vmap` and other `jit`s it is transparent. The function must be pure: it runs once a signature.
 *
 * @example
 * ```ts
 * import { jit, mul, readAsync, scalar, sum, type Tensor, tensor } from '@adjoint/tensor'
 * const scaledSum = jit((x: Tensor, k: Tensor) => mul(sum()(x), k))
 * console.log(await readAsync(scaledSum(tensor([1, 2, 3]), scalar(2)))) // Float32Array [12]
 * ```
 */
export const jit = <A extends readonly tree.Tree[], B extends tree.Tree>(
  f: (...args: A) => B,
  { donate = [], device: chosen }: JitOptions = {},
): Jitted<A, B> => {
  const cache = new WeakMap<Device, Bounded<string, Compiled>>()
  /** Named by errors about tensors that were donated to this function. */
  const where = describeSite(captureSite())
  for (const position of donate)
    if (!Number.isInteger(position) || position < 0)
      throw new RangeError(`jit: donate names argument ${position}; give positions of arguments, from 0`)

  const compile = (
    device: Device,
    leaves: readonly Expr[],
    treedef: tree.TreeDef,
    donated: readonly boolean[],
  ): Compiled | null => {
    const placeholders = leaves.map((x) => parameter({ shape: x.shape, dtype: x.dtype }))
    const result = withTrace('jit', placeholders, () =>
      tree.flatten(f(...(tree.unflatten(treedef, placeholders) as A))),
    )
    // It closes over a value of an outer transformation: only that one can run it.
    if (isTraced(result.leaves)) return null
    return together((keep) => {
      const own: Storage[] = []
      const outputs = withInvariantsDone(
        device,
        simplify(overRemembered(device, result.leaves)),
        placeholders,
        (storage) => {
          own.push(keep(storage))
        },
      )
      const captured = toposort(outputs).flatMap(({ prim, outs }) => (prim === bufferP ? outs : []))
      const executable = device.compile({
        inputs: [...placeholders, ...captured],
        outputs,
        donated: [...donated, ...captured.map(() => false)],
      })
      return { executable, out: result.treedef, captured, own }
    })
  }

  const prepare = (args: A): Prepared | null => {
    const { leaves, treedef } = tree.flatten(args)
    if (isTraced(leaves)) return null
    const device = chosen ?? deviceOf(leaves) ?? currentDevice()
    const key = `${treedef.key}${leaves.map((x) => `${x.dtype}${x.shape.join()}`).join(';')}`
    const programs =
      cache.get(device) ?? bounded<string, Compiled>({ count: PROGRAMS, bytes: PROGRAM_BYTES, dropped: release })
    cache.set(device, programs)
    const donated =
      donate.length === 0
        ? leaves.map(() => false)
        : args.flatMap((arg, i) => tree.leaves(arg).map(() => donate.includes(i)))
    const known = programs.get(key)
    if (known !== undefined && stands(known)) return { compiled: known, device, leaves, donated }
    const compiled = compile(device, leaves, treedef, donated)
    if (compiled === null) return null
    const { executable, own } = compiled
    programs.set(key, compiled, executable.bytes + own.reduce((n, { aval }) => n + bytesOf(aval), 0))
    return { compiled, device, leaves, donated }
  }

  const call = (...args: A): B => {
    const ready = prepare(args)
    if (ready === null) return f(...args)
    const { compiled, device, donated, leaves } = ready
    const results = withTransients((keep) => {
      const bound = bindAll(device, leaves, donated, keep)
      for (const x of compiled.captured) bound.push(bindOne(device, x, false, keep))
      const made = compiled.executable.run(bound)
      leaves.forEach((_, i) => {
        if (donated[i] === true) markDonated(bound[i]!, where)
      })
      return made
    })
    return tree.unflatten(compiled.out, results.map(buffer)) as B
  }
  return Object.assign(call, {
    program: (...args: A): Program | null => prepare(args)?.compiled.executable.program ?? null,
  })
}

/** What depends on no argument is computed once, at compilation, into storages that are the program's own. */
const withInvariantsDone = (
  device: Device,
  outputs: readonly Expr[],
  placeholders: readonly Expr[],
  own: (storage: Storage) => void,
): readonly Expr[] => {
  const fixed = invariants(outputs, placeholders)
  if (fixed.length === 0) return outputs
  const done = new Map<Expr, Expr>()
  compute(device, fixed).forEach((storage, i) => {
    own(storage)
    done.set(fixed[i]!, buffer(storage))
  })
  return rewrite(outputs, (node, args) => {
    const results = withArgs(node, args)
    return results.map((result, i) => done.get(node.outs[i]!) ?? result)
  })
}

type Keep = (storage: Storage) => Storage

const bindOne = (device: Device, x: Expr, donated: boolean, keep: Keep): Storage => {
  const bound = bind(device, x, donated)
  if (bound === null) throw new Error(`jit: ${leak(x)}`)
  return bound.transient ? keep(bound.storage) : bound.storage
}

/** Storages of the arguments; those that are still expressions are computed first, unless their value is remembered. */
const bindAll = (device: Device, leaves: readonly Expr[], donated: readonly boolean[], keep: Keep): Storage[] => {
  // Host data that the device keeps is for reading: `bind` knows what may be overwritten.
  const values = leaves.map((x) => (x.node.args.length === 0 ? x : (remembered(device, x) ?? x)))
  const lazy = [...new Set(values.filter((x) => x.node.prim.lower.kind !== 'leaf'))]
  const made = new Map(compute(device, lazy).map((storage, i) => [lazy[i]!, keep(storage)]))
  return values.map((x, i) => made.get(x) ?? bindOne(device, x, donated[i] === true, keep))
}
