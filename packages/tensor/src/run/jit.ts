/**
 * `jit`: traces a function once a signature (tree structure, shapes, dtypes), compiles what it returned into one program,
 * and replays that. Inside another transformation, or on arguments that still depend on one, what was traced is called as a
 * graph, so that it is traced once however deep the calls are nested.
 */
import * as E from '../base/either.ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { compute } from './compute.ts'
import type { Expr } from '../graph/expr.ts'
import { rewrite, toposort, withArgs } from '../graph/walk.ts'
import { invariants } from '../compile/hoist.ts'
import { parameter } from '../graph/parameter.ts'
import { buffer } from '../primitives/leaves.ts'
import { bind, deviceOf, givenOnce, together, withTransients } from './binding.ts'
import { bounded, type Bounded } from '../base/bounded.ts'
import { bytesOf } from '../base/aval.ts'
import { currentDevice } from './current.ts'
import { shown } from '../base/errors.ts'
import {
  demandDevice,
  type Device,
  type DeviceError,
  DeviceFailure,
  type Executable,
  type StepTimer,
  type Storage,
} from '../graph/device.ts'
import { overRemembered, remembered } from './memo.ts'
import { hostDataOf, markDonated, storageOfTensor } from './storages.ts'
import type { Program } from '../loops/program.ts'
import { compileTelling } from './tell.ts'
import { simplify } from '../graph/simplify.ts'
import { captureSite, describeSite } from '../base/site.ts'
import { call as callGraph } from '../control/call.ts'
import { close, type Closed } from '../graph/graph.ts'
import { isTraced, leak, withTrace } from '../graph/trace.ts'
import { optionsOf } from '../graph/options.ts'
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
  /**
   * Calls it once, step by step, and tells what each step of its program took, by the device's own clock where that has one. Left
   * Unprofiled, and nothing is run, where there are no such times: on a GPU without timestamps or without memory for them, on the
   * reference device, and inside another transformation. On `webgpu` the call is made after a wait: what another call is given to overwrite
   * meanwhile is refused. `profileAsync` is its twin for scripts.
   */
  readonly profile: (...args: A) => TaskEither<Unprofiled | DeviceError, Profile<B>>
  /** `profile`, or a rejection with DeviceFailure or, where there are no such times, an Error that says why. */
  readonly profileAsync: (...args: A) => Promise<Profile<B>>
}

/** Why a call has no profile. */
export interface Unprofiled {
  readonly _tag: 'Unprofiled'
  readonly message: string
}

/** One call of a compiled function, with its times. */
export interface Profile<B extends tree.Tree> {
  readonly result: B
  readonly program: Program
  /** Milliseconds that each of the program's steps took; a loop's are those of all its rounds. */
  readonly ms: readonly number[]
}

/** Programs that one function keeps, and the bytes that they may hold: the least recently used signatures are compiled anew. */
const PROGRAMS = 128
const PROGRAM_BYTES = 2 ** 30

interface Compiled {
  readonly executable: Executable
  readonly out: tree.TreeDef
  /** What the function closes over, as tensors in device memory: given to the program after the arguments. */
  readonly captured: readonly Expr[]
  /** The memory among it that is for this program alone: small host data, and what follows from no argument. */
  readonly own: readonly Storage[]
  /** What it holds: itself, its own memory, and the device's copies of host data that may be nobody else's. */
  readonly bytes: number
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

/** A function traced on arguments of one signature. */
interface Traced {
  readonly inputs: readonly Expr[]
  readonly outputs: readonly Expr[]
  readonly out: tree.TreeDef
}
/** The same as a graph, for another transformation to see. */
interface Called {
  readonly closed: Closed
  readonly out: tree.TreeDef
}

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
  options: JitOptions = {},
): Jitted<A, B> => {
  const given: unknown = f
  if (typeof given !== 'function')
    throw new TypeError(`jit: takes a function, not ${shown(given)}. Write jit(f)(...args), with f not called.`)
  const { donate = [], device: chosen } = optionsOf('jit', options, { donate: true, device: true })
  if (chosen !== undefined) demandDevice('jit', chosen)
  const cache = new WeakMap<Device, Bounded<string, Compiled>>()
  const traces = bounded<string, Called>({ count: PROGRAMS, bytes: Infinity, dropped: () => undefined })
  /** Named by errors about tensors that were donated to this function. */
  const where = describeSite(captureSite())
  for (const position of donate)
    if (!Number.isInteger(position) || position < 0)
      throw new RangeError(`jit: donate names argument ${position}; give positions of arguments, from 0`)

  const traceOn = (leaves: readonly Expr[], treedef: tree.TreeDef): Traced => {
    const inputs = leaves.map(parameter)
    const result = withTrace('jit', inputs, () => tree.flatten(f(...(tree.unflatten(treedef, inputs) as A))))
    return { inputs, outputs: result.leaves, out: result.treedef }
  }
  const closedOver = ({ inputs, outputs, out }: Traced): Called => ({ closed: close(inputs, outputs), out })

  const compile = (
    device: Device,
    { inputs: placeholders, outputs: asked, out }: Traced,
    donated: readonly boolean[],
  ): Compiled =>
    together((keep) => {
      const own: Storage[] = []
      const outputs = withInvariantsDone(device, simplify(overRemembered(device, asked)), placeholders, (storage) => {
        own.push(keep(storage))
      })
      const stand = new Set(placeholders)
      const freeLeaves = toposort(outputs)
        .flatMap(({ prim, outs }) => (prim.lower.kind === 'leaf' ? outs : []))
        .filter((x) => !stand.has(x))
      const captured = freeLeaves.map((x) => {
        const given = givenOnce(device, x)
        if (given === null) throw new Error(`jit: ${leak(x)}`)
        if (given.own) own.push(keep(given.storage))
        return given.storage === storageOfTensor(x) ? x : buffer(given.storage)
      })
      const executable = compileTelling(device, {
        inputs: [...placeholders, ...freeLeaves],
        outputs,
        donated: [...donated, ...freeLeaves.map(() => false)],
      })
      const holds = new Set([...own, ...captured.flatMap((x, i) => (x === freeLeaves[i] ? [] : storageOfTensor(x)!))])
      const bytes = [...holds].reduce((n, { aval }) => n + bytesOf(aval), executable.bytes)
      return { executable, out, captured, own, bytes }
    })

  /** What the call is; where only an outer transformation can run it, what that sees of it. */
  const prepare = (args: A): Prepared | { readonly called: Called; readonly leaves: readonly Expr[] } => {
    const { leaves, treedef } = tree.flatten(args)
    const key = `${treedef.key}${leaves.map((x) => `${x.dtype}${x.shape.join()}`).join(';')}`
    if (isTraced(leaves)) {
      const called = traces.get(key) ?? closedOver(traceOn(leaves, treedef))
      // What it closes over in an open trace is another value in the next.
      if (!isTraced(called.closed.operands)) traces.set(key, called, 0)
      return { called, leaves }
    }
    const device = chosen ?? deviceOf(leaves) ?? currentDevice()
    const programs =
      cache.get(device) ?? bounded<string, Compiled>({ count: PROGRAMS, bytes: PROGRAM_BYTES, dropped: release })
    cache.set(device, programs)
    const donated =
      donate.length === 0
        ? leaves.map(() => false)
        : args.flatMap((arg, i) => tree.leaves(arg).map(() => donate.includes(i)))
    const known = programs.get(key)
    if (known !== undefined && stands(known)) return { compiled: known, device, leaves, donated }
    // Not remembered: the program holds what it needs of it, and what it closes over need not live on.
    const traced = traceOn(leaves, treedef)
    if (isTraced(traced.outputs)) return { called: closedOver(traced), leaves }
    const compiled = compile(device, traced, donated)
    programs.set(key, compiled, compiled.bytes)
    return { compiled, device, leaves, donated }
  }

  const run = ({ compiled, device, donated, leaves }: Prepared, timed?: StepTimer): B => {
    const results = withTransients((keep) => {
      const bound = bindAll(device, leaves, donated, keep)
      for (const x of compiled.captured) bound.push(bindOne(device, x, false, keep))
      const made = compiled.executable.run(bound, timed)
      leaves.forEach((_, i) => {
        if (donated[i] === true) markDonated(bound[i]!, where)
      })
      return made
    })
    return tree.unflatten(compiled.out, results.map(buffer)) as B
  }
  const call = (...args: A): B => {
    const ready = prepare(args)
    if (!('called' in ready)) return run(ready)
    const { closed, out } = ready.called
    return tree.unflatten(out, callGraph(closed.graph, [...closed.operands, ...ready.leaves])) as B
  }
  const profile =
    (...args: A): TaskEither<Unprofiled | DeviceError, Profile<B>> =>
    async () => {
      const inside = 'another transformation runs the call as a part of its own'
      const first = failing(() => prepare(args))
      if (E.isLeft(first)) return first
      if ('called' in first.right) return unprofiled(inside)
      const { untimed } = first.right.compiled.executable
      const why = untimed === null ? null : await untimed()
      if (why !== null) return unprofiled(why)
      // While that was waited for, others may have driven the program out of those that are kept.
      const prepared = untimed === null ? first : failing(() => prepare(args))
      if (E.isLeft(prepared)) return prepared
      const ready = prepared.right
      const program = 'called' in ready ? null : ready.compiled.executable.program
      if ('called' in ready || program === null) return unprofiled(inside)
      let times: TaskEither<DeviceError, readonly number[]> = () => Promise.resolve(E.right([]))
      const result = failing(() =>
        run(ready, (ms) => {
          times = ms
        }),
      )
      if (E.isLeft(result)) return result
      const ms = await times()
      return E.isLeft(ms) ? ms : E.right({ result: result.right, program, ms: ms.right })
    }
  return Object.assign(call, {
    program: (...args: A): Program | null => {
      const ready = prepare(args)
      return 'called' in ready ? null : ready.compiled.executable.program
    },
    profile,
    profileAsync: async (...args: A): Promise<Profile<B>> => {
      const done = await profile(...args)()
      if (E.isRight(done)) return done.right
      throw done.left._tag === 'Unprofiled' ? new Error(done.left.message) : new DeviceFailure(done.left)
    },
  })
}

/** Failures of the world as data; a mistake is thrown. */
const failing = <A>(body: () => A): E.Either<DeviceError, A> => {
  try {
    return E.right(body())
  } catch (error) {
    if (error instanceof DeviceFailure) return E.left(error.error)
    throw error
  }
}

const unprofiled = (why: string): E.Either<Unprofiled, never> =>
  E.left({ _tag: 'Unprofiled', message: `profile: nothing was run, since ${why}` })

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
