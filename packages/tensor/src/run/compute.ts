/**
 * Computing expressions now, into memory of their own. Programs are cached by the structure of what is asked, so that a loop
 * which builds the same expression each turn compiles it once.
 */
import type { Expr } from '../graph/expr.ts'
import { rewrite, toposort, withArgs } from '../graph/walk.ts'
import { parameter } from '../graph/parameter.ts'
import { bind, withTransients } from './binding.ts'
import { bounded, type Bounded } from '../base/bounded.ts'
import type { Device, Executable, Storage } from '../backends/device.ts'
import { overRemembered } from './memo.ts'
import { noteCompiled } from './recomputed.ts'
import { simplify } from '../graph/simplify.ts'
import { structureKey } from '../graph/key.ts'
import { leak, tracing } from '../graph/trace.ts'

/** Programs remembered, and the bytes that they and their keys may hold together. */
const PROGRAMS = 256
const PROGRAM_BYTES = 2 ** 28

const caches = new WeakMap<Device, Bounded<string, Executable>>()

/** Compiled once a structure; the least recently used programs go when there are many, or when they hold much. */
const executableFor = (
  device: Device,
  leaves: readonly Expr[],
  outputs: readonly Expr[],
  compiling: () => void,
): Executable => {
  const cache =
    caches.get(device) ??
    bounded<string, Executable>({ count: PROGRAMS, bytes: PROGRAM_BYTES, dropped: (program) => program.release() })
  caches.set(device, cache)
  const key = structureKey(leaves, outputs)
  const known = cache.get(key)
  if (known !== undefined) return known
  compiling()
  const made = device.compile({ inputs: leaves, outputs, donated: leaves.map(() => false) })
  cache.set(key, made, made.bytes + 2 * key.length)
  return made
}

const demandUntraced = (x: Expr): void => {
  if (tracing(x) === null) return
  const stand = toposort([x])
    .filter(({ args }) => args.length === 0)
    .flatMap(({ outs }) => outs)
    .find((e) => tracing(e) !== null)
  if (stand !== undefined) throw new Error(`realize: ${leak(stand)}`)
}

/**
 * Runs expressions, each of its own; their values lie in storages that nobody else has. Starts from what is remembered.
 * Throws where one depends on an open trace.
 */
export const compute = (device: Device, wanted: readonly Expr[]): readonly Storage[] => {
  if (wanted.length === 0) return []
  wanted.forEach(demandUntraced)
  return withTransients((keep) => {
    // Leaves become parameters, so that a program does not depend on the data it first ran on.
    const stands = new Map<Expr, Expr>()
    const inputs: Storage[] = []
    const outputs = rewrite(simplify(overRemembered(device, wanted)), (node, args) => {
      if (node.prim.lower.kind !== 'leaf') return withArgs(node, args)
      const leaf = node.outs[0]!
      const bound = bind(device, leaf)
      if (bound === null) throw new Error(`realize: ${leak(leaf)}`)
      inputs.push(bound.transient ? keep(bound.storage) : bound.storage)
      const stand = parameter(leaf)
      stands.set(leaf, stand)
      return [stand]
    })
    return executableFor(device, [...stands.values()], outputs, () => noteCompiled(device, wanted)).run(inputs)
  })
}
