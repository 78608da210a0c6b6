/**
 * `jit`: traces a function once a signature (tree structure, shapes, dtypes), compiles what it returned into one program,
 * and replays that. Inside another transformation, or on arguments that still depend on one, it is the function itself.
 */
import { type Expr, rewrite, toposort, withArgs } from './expr.ts'
import { invariants } from './hoist.ts'
import { buffer, bufferP, parameter } from './primitives/leaves.ts'
import { currentDevice } from './runtime/current.ts'
import type { Device, Executable } from './runtime/device.ts'
import type { Program } from './schedule/program.ts'
import { bind, deviceOf, markDonated } from './runtime/storages.ts'
import { realizeLeaves } from './run.ts'
import { simplify } from './simplify.ts'
import { captureSite, describeSite } from './site.ts'
import { isTraced, withTrace } from './trace.ts'
import * as tree from './tree.ts'

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

interface Compiled {
  readonly executable: Executable
  readonly out: tree.TreeDef
  /** Tensors in device memory that the function closes over, bound after the arguments. */
  readonly captured: readonly Expr[]
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
  { donate = [], device: chosen }: JitOptions = {},
): Jitted<A, B> => {
  const cache = new WeakMap<Device, Map<string, Compiled>>()
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
    const stands = leaves.map((x) => parameter({ shape: x.shape, dtype: x.dtype }))
    const result = withTrace('jit', stands, () => tree.flatten(f(...(tree.unflatten(treedef, stands) as A))))
    // It closes over a value of an outer transformation: only that one can run it.
    if (isTraced(result.leaves)) return null
    const outputs = withInvariantsDone(device, simplify(result.leaves), stands)
    const captured = toposort(outputs).filter((e) => e.prim === bufferP)
    const executable = device.compile({
      inputs: [...stands, ...captured],
      outputs,
      donated: [...donated, ...captured.map(() => false)],
    })
    return { executable, out: result.treedef, captured }
  }

  const prepare = (args: A): Prepared | null => {
    const { leaves, treedef } = tree.flatten(args)
    if (isTraced(leaves)) return null
    const device = chosen ?? deviceOf(leaves) ?? currentDevice()
    const key = `${treedef.key}${leaves.map((x) => `${x.dtype}${x.shape.join()}`).join(';')}`
    const programs = cache.get(device) ?? new Map<string, Compiled>()
    cache.set(device, programs)
    const donated =
      donate.length === 0
        ? leaves.map(() => false)
        : args.flatMap((arg, i) => tree.leaves(arg).map(() => donate.includes(i)))
    const compiled = programs.get(key) ?? compile(device, leaves, treedef, donated)
    if (compiled === null) return null
    programs.set(key, compiled)
    return { compiled, device, leaves, donated }
  }

  const call = (...args: A): B => {
    const ready = prepare(args)
    if (ready === null) return f(...args)
    const { compiled, device, donated } = ready
    const leaves = bindable(device, ready.leaves)
    const bound = [...leaves, ...compiled.captured].map((x) => bind(device, x)!)
    const results = compiled.executable.run(bound.map((b) => b.storage))
    bound.forEach((b, i) => {
      if (b.transient && donated[i] !== true) device.release(b.storage)
      else if (donated[i] === true) markDonated(b.storage, where)
    })
    return tree.unflatten(compiled.out, results.map(buffer)) as B
  }
  return Object.assign(call, {
    program: (...args: A): Program | null => prepare(args)?.compiled.executable.program ?? null,
  })
}

/** What depends on no argument is computed once, at compilation. */
const withInvariantsDone = (device: Device, outputs: readonly Expr[], stands: readonly Expr[]): readonly Expr[] => {
  const fixed = invariants(outputs, stands)
  if (fixed.length === 0) return outputs
  const done = new Map<Expr, Expr>(realizeLeaves(device, fixed).map((x, i) => [fixed[i]!, x]))
  return rewrite(outputs, (e, args) => done.get(e) ?? withArgs(e, args))
}

/** Arguments that are still expressions are computed first. */
const bindable = (device: Device, leaves: readonly Expr[]): readonly Expr[] => {
  const lazy = leaves.filter((x) => x.prim.lower.kind !== 'leaf')
  if (lazy.length === 0) return leaves
  const realized = new Map(realizeLeaves(device, lazy).map((x, i) => [lazy[i]!, x as Expr] as const))
  return leaves.map((x) => realized.get(x) ?? x)
}
