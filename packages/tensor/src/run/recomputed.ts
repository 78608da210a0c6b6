/**
 * A loop that forgets to realize what it carries, `w = sub(w, mul(g, 0.01))` say, computes all of its past anew at each read:
 * work that grows with the square of the steps. It is told of once, with the line.
 *
 * How it is known: of such a loop each read asks for a larger program than the one before, so that none is found among those
 * compiled before, and it computes nodes that were first computed in each of many earlier ones. So only what is newly compiled
 * is looked at, and a loop whose steps are alike costs nothing here.
 */
import { setAt } from '../base/get-or-insert.ts'
import type { Expr } from '../graph/expr.ts'
import { describeSite, type Site } from '../base/site.ts'
import type { Device } from '../graph/device.ts'
import { remembered } from './memo.ts'

/** Earlier computations of which one repeats a part, before it counts as a loop's past; so many times in a row must they grow. */
const GENERATIONS = 12
const GROWTH = 3
/** Lines looked at for the one to name. */
const CANDIDATES = 64

/** The computation in which a node was first computed. Nodes that are dropped take their entry along. */
const born = new WeakMap<Expr, number>()
let computations = 0

interface Growth {
  readonly generations: number
  readonly times: number
}
/** By the line of what was asked for. */
const growing = new WeakMap<Site, Growth>()
const told = new WeakSet<Site>()

/** The nodes that computing `roots` computes, but those that `cut` holds back; what is remembered is not computed. */
const computed = (device: Device, roots: readonly Expr[], cut: (value: Expr) => boolean): ReadonlySet<Expr> => {
  const found = new Set<Expr>()
  const waiting = [...roots]
  for (let e = waiting.pop(); e !== undefined; e = waiting.pop()) {
    if (e.node.args.length === 0 || found.has(e) || cut(e) || remembered(device, e) !== null) continue
    found.add(e)
    waiting.push(...e.node.args)
  }
  return found
}

/**
 * The line whose values are to be realized: of those met in many generations the one behind which the least of the past is
 * left, and of equals the one nearest to the past.
 */
const lineToRealize = (device: Device, roots: readonly Expr[], nodes: ReadonlySet<Expr>, now: number): Site | null => {
  const generations = new Map<Site, Set<number>>()
  for (const value of nodes) {
    setAt(generations, value.node.site).add(born.get(value) ?? now)
  }
  const often = [...generations].filter(([, seen]) => seen.size >= GENERATIONS / 2).slice(0, CANDIDATES)
  let best: { readonly site: Site; readonly past: number; readonly present: number } | null = null
  for (const [site] of often) {
    const rest = [...computed(device, roots, (value) => value.node.site === site)]
    const past = rest.filter((value) => (born.get(value) ?? now) < now).length
    const present = rest.length - past
    if (best === null || past < best.past || (past === best.past && present > best.present))
      best = { site, past, present }
  }
  return best?.site ?? null
}

const warn = (message: string): void => {
  // Node prints its own warnings once and lets a program listen; elsewhere there is the console.
  if (typeof process === 'object' && typeof process.emitWarning === 'function')
    process.emitWarning(message, { type: 'AdjointWarning', code: 'ADJOINT_RECOMPUTED' })
  else console.warn(message)
}

/** Told of each computation whose program was not compiled before. */
export const noteCompiled = (device: Device, roots: readonly Expr[]): void => {
  const now = ++computations
  const site = roots[0]!.node.site
  const nodes = computed(device, roots, () => false)
  const earlier = new Set<number>()
  for (const value of nodes) {
    const when = born.get(value)
    if (when === undefined) born.set(value, now)
    else earlier.add(when)
  }
  const { generations, times } = growing.get(site) ?? { generations: 0, times: 0 }
  if (earlier.size < GENERATIONS || earlier.size <= generations) return
  growing.set(site, { generations: earlier.size, times: times + 1 })
  if (times + 1 < GROWTH || told.has(site)) return
  told.add(site)
  const line = lineToRealize(device, roots, nodes, now)
  if (line === null || (line !== site && told.has(line))) return
  told.add(line)
  const old = [...nodes].filter((value) => (born.get(value) ?? now) < now).length
  warn(
    `what is asked for at ${describeSite(site)} computes anew ${old} operations of ${earlier.size} earlier computations: ` +
      `the work grows with the square of the steps. Realize what the loop carries from step to step, as in ` +
      `w = await realizeAsync(w), or compute the step by jit. It is made at ${describeSite(line)}.`,
  )
}
