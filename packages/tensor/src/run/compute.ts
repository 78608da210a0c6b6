/**
 * Computing expressions now, into memory of their own. Programs are cached by the structure of what is asked, so that a loop
 * which builds the same expression each turn compiles it once.
 */
import type { Device, Executable, Storage } from '../graph/device.ts'
import { bounded, type Bounded } from '../base/bounded.ts'
import type { Expr } from '../graph/expr.ts'
import { structureKey } from '../graph/key.ts'
import { parameter } from '../graph/parameter.ts'
import { simplify } from '../graph/simplify.ts'
import { leak, tracing } from '../graph/trace.ts'
import { rewrite, toposort, withArgs } from '../graph/walk.ts'
import { bind, withTransients } from './binding.ts'
import { overRemembered } from './memo.ts'
import { numbersOf, type Numeral, numeralsOf, withNumbers, withoutNumbers } from './numbers.ts'
import { compileTelling } from './tell.ts'
import { noteCompiled } from './recomputed.ts'

/** Programs remembered, and the bytes that they and their keys may hold together. */
const PROGRAMS = 256
const PROGRAM_BYTES = 2 ** 28

/** A program, and the numbers that are built into it. */
interface Compiled {
  readonly executable: Executable
  readonly numbers: readonly number[]
  /** Those that are arguments instead, having changed from call to call. */
  readonly varies: readonly boolean[]
  /** What its key was made of: as long as it is remembered, an equal graph inside is the same object, and tells the same key. */
  readonly asked: readonly Expr[]
}
const caches = new WeakMap<Device, Bounded<string, Compiled>>()

/** What is to be computed. */
interface Asked {
  readonly roots: readonly Expr[]
  /** The same without data and numbers, over what stands for both. */
  readonly erased: readonly Expr[]
  readonly leaves: ReadonlyMap<Expr, Expr>
  readonly stands: readonly Expr[]
  readonly numerals: readonly Numeral[]
}

/**
 * Compiled once a structure, and again when a number in it turns out to vary; the least recently used programs go when there
 * are many, or when they hold much.
 */
const compiledFor = (
  device: Device,
  { roots, erased, leaves, stands, numerals }: Asked,
  compiling: () => void,
): Compiled => {
  const cache =
    caches.get(device) ??
    bounded<string, Compiled>({
      count: PROGRAMS,
      bytes: PROGRAM_BYTES,
      dropped: ({ executable }) => executable.release(),
    })
  caches.set(device, cache)
  const key = `${structureKey([...leaves.values(), ...stands], erased)}|${stands.length}`
  const known = cache.get(key)
  const fits = ({ value }: Numeral, i: number): boolean =>
    known === undefined || known.varies[i] === true || Object.is(known.numbers[i], value)
  if (known !== undefined && numerals.every(fits)) return known
  compiling()
  const varies = numerals.map((n, i) => known?.varies[i] === true || !fits(n, i))
  const graph = withNumbers(roots, (leaf) => leaves.get(leaf), numerals, varies)
  const inputs = [...leaves.values(), ...graph.inputs]
  const executable = compileTelling(device, { inputs, outputs: graph.outputs, donated: inputs.map(() => false) })
  const made = { executable, numbers: numerals.map(({ value }) => value), varies, asked: erased }
  cache.set(key, made, executable.bytes + 2 * key.length)
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
    const leaves = new Map<Expr, Expr>()
    const inputs: Storage[] = []
    const stands: Expr[] = []
    const numerals: Numeral[] = []
    const roots = simplify(overRemembered(device, wanted))
    const erased = rewrite(roots, (node, args) => {
      const without = withoutNumbers(node, args)
      if (without !== null) {
        stands.push(...without.stands)
        numerals.push(...numeralsOf(node))
        return without.outs
      }
      if (node.prim.lower.kind !== 'leaf') return withArgs(node, args)
      const leaf = node.outs[0]!
      const bound = bind(device, leaf)
      if (bound === null) throw new Error(`realize: ${leak(leaf)}`)
      inputs.push(bound.transient ? keep(bound.storage) : bound.storage)
      const stand = parameter(leaf)
      leaves.set(leaf, stand)
      return [stand]
    })
    const { executable, varies } = compiledFor(device, { roots, erased, leaves, stands, numerals }, () =>
      noteCompiled(device, wanted),
    )
    for (const { data, aval } of numbersOf(numerals, varies)) inputs.push(keep(device.upload(data, aval)))
    return executable.run(inputs)
  })
}
