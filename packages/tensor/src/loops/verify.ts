/**
 * What a kernel promises to those that print it (kernel.ts), checked where indices show it: a scheduler that asks for
 * something a printer cannot do is stopped here, before anything wrong is computed. `#verify-kernel` names this file; a browser's
 * bundle gets unverified.ts in its place.
 */
import type { Ix } from './ix.ts'
import { visitAtoms } from './ix.ts'
import { type DType, dtypes, registerOf } from '../base/dtype.ts'
import type { DotKernel, Kernel, KernelBuffer, LoopKernel, Store, TemplateKernel } from './kernel.ts'
import { axesIn, demandCountable, operandsOf, rootsOf } from './limits.ts'
import { index, linearize, type Scalar } from './scalar.ts'

type Load = Extract<Scalar, { readonly kind: 'load' }>
const loadsOf = (roots: readonly Scalar[]): readonly Load[] =>
  linearize(roots).flatMap((s) => (s.kind === 'load' ? [s] : []))
const storedBy = (s: Store): readonly Scalar[] => [s.value, index(s.at)]

/** The ids of the axes that anything under the roots depends on. */
const axesOf = (roots: readonly Scalar[]): ReadonlySet<number> => {
  const found = new Set<number>()
  for (const s of linearize(roots)) {
    const ix = s.kind === 'load' ? s.at : s.kind === 'index' || s.kind === 'within' ? s.ix : null
    if (ix !== null)
      visitAtoms(
        ix,
        (a) => found.add(a.id),
        () => undefined,
      )
  }
  return found
}

type Refuse = (why: string) => never

/** The loops around reductions and stores, and how many reduced values a column has before the first of them. */
const loopsOf = (kernel: LoopKernel | DotKernel) =>
  kernel.kind === 'loop'
    ? { rows: kernel.rows, cols: kernel.cols, given: 0 }
    : { rows: [...kernel.batch, kernel.m], cols: [kernel.n], given: 1 }

/** Whether an element of `dtype` is seen to hold a value as it is: it was rounded to it, comes from one, or is one of two such. */
const holds = (buffers: readonly KernelBuffer[], dtype: DType, s: Scalar): boolean => {
  if (registerOf(dtype) === dtype) return true
  switch (s.kind) {
    case 'const':
      return Object.is(dtypes[dtype].round(s.value), s.value)
    case 'load':
      return buffers[s.buffer]?.dtype === dtype
    case 'unary':
      return s.op === dtype
    case 'select':
      return holds(buffers, dtype, s.x) && holds(buffers, dtype, s.y)
    default:
      return false
  }
}

/** Throws an Error that names the kernel and the rule it breaks; see `LoopKernel` and `DotKernel` for the rules. */
export const verifyKernel = (kernel: Kernel): void => {
  const refuse: Refuse = (why) => {
    throw new Error(`kernel ${kernel.name}: ${why}`)
  }
  if (kernel.kind === 'template') {
    whole(kernel, refuse)
    return
  }
  demandCountable(kernel)
  if (axesIn(kernel).some((a) => a.extent === 0)) return // makes no iteration; its indices have no values
  const roots = rootsOf(kernel)
  for (const s of linearize(roots)) {
    if (s.kind !== 'load') continue
    const buffer = kernel.buffers[s.buffer] ?? refuse(`loads buffer ${s.buffer} of ${kernel.buffers.length}`)
    if (!buffer.read) refuse(`loads buffer ${s.buffer}, which is not marked as read`)
    if (registerOf(buffer.dtype) !== s.dtype) refuse(`loads buffer ${s.buffer} of ${buffer.dtype} as ${s.dtype}`)
  }
  for (const s of kernel.stores) {
    const buffer = kernel.buffers[s.buffer] ?? refuse(`stores to buffer ${s.buffer} of ${kernel.buffers.length}`)
    if (!buffer.write) refuse(`stores to buffer ${s.buffer}, which is not marked as written`)
    if (registerOf(buffer.dtype) !== s.value.dtype)
      refuse(`stores ${s.value.dtype} to buffer ${s.buffer} of ${buffer.dtype}`)
    if (!holds(kernel.buffers, buffer.dtype, s.value))
      refuse(`stores to buffer ${s.buffer} of ${buffer.dtype} what was not rounded to it`)
    if (s.mode === 'add' && registerOf(buffer.dtype) !== buffer.dtype)
      refuse(`increases buffer ${s.buffer} of ${buffer.dtype}, which is computed with as ${s.value.dtype}`)
  }
  inRange(kernel, roots, refuse)
  distinctPositions(kernel, refuse)
  inPlace(kernel, roots, refuse)
  order(kernel, refuse)
  if (kernel.kind === 'dot') sums(kernel, refuse)
}

/** A template reads and fills whole buffers, each for one purpose. */
const whole = ({ buffers, args, outs }: TemplateKernel, refuse: Refuse): void => {
  for (const i of args) if (buffers[i]?.read === false || outs.includes(i)) refuse(`buffer ${i} is not to be read`)
  for (const i of outs) if (buffers[i]?.write === false) refuse(`buffer ${i} is not marked as written`)
  for (const i of [...args, ...outs]) if (buffers[i] === undefined) refuse(`buffer ${i} of ${buffers.length}`)
  if (new Set(outs).size !== outs.length) refuse('two results of a template have one buffer')
}

/** Every element lies in its buffer. */
const inRange = (kernel: LoopKernel | DotKernel, roots: readonly Scalar[], refuse: Refuse): void => {
  const element = (what: string, buffer: number, at: Ix): void => {
    const { size } = kernel.buffers[buffer]!
    if (at.lo < 0 || at.hi >= size) refuse(`${what} buffer ${buffer} of ${size} elements at ${at.lo} to ${at.hi}`)
  }
  for (const s of loadsOf(roots)) element('loads', s.buffer, s.at)
  for (const s of kernel.stores) element('stores to', s.buffer, s.at)
}

/** Whether the store's iterations could be told apart by where it writes. */
const distinctPositions = (kernel: LoopKernel | DotKernel, refuse: Refuse): void => {
  for (const s of kernel.stores) {
    if (s.mode === 'add') continue
    const { rows, cols } = loopsOf(kernel)
    const over = s.scope === 'row' ? rows : [...rows, ...cols]
    const used = axesOf([index(s.at)])
    const missing = over.find((a) => a.extent > 1 && !used.has(a.id))
    if (missing !== undefined)
      refuse(`stores to buffer ${s.buffer} at the same element for all ${missing.extent} steps of an axis`)
  }
}

/** What is loaded of a buffer that is written. */
const inPlace = (kernel: LoopKernel | DotKernel, roots: readonly Scalar[], refuse: Refuse): void => {
  const loaded = loadsOf(roots)
  kernel.buffers.forEach((_, buffer) => {
    const stores = kernel.stores.filter((s) => s.buffer === buffer)
    const [store] = stores
    if (store === undefined) return
    const here = loaded.filter((l) => l.buffer === buffer)
    if (here.length > 0 && stores.length > 1) refuse(`loads buffer ${buffer}, which ${stores.length} stores write`)
    if (store.mode === 'add' && here.length > 0) refuse(`loads buffer ${buffer}, which it increases`)
    const elsewhere = here.find((l) => l.at.key !== store.at.key)
    if (elsewhere !== undefined)
      refuse(
        `loads buffer ${buffer} at ${elsewhere.at.key} and overwrites it at ${store.at.key}; ` +
          'in place means the same element',
      )
    if (loadsOf(operandsOf(kernel)).some((l) => l.buffer === buffer))
      refuse(`overwrites buffer ${buffer}, an operand of the dot`)
    if (store.scope === 'row') {
      const later = kernel.stores.filter((s) => s.scope === 'full').flatMap(storedBy)
      if (loadsOf(later).some((l) => l.buffer === buffer))
        refuse(`its full stores load buffer ${buffer}, which its row stores have overwritten`)
    }
  })
}

/** Reductions read earlier ones only, what is stored once a row depends on the row only, and running ones stand alone. */
const order = (kernel: LoopKernel | DotKernel, refuse: Refuse): void => {
  const { reductions, stores } = kernel
  const { cols, given } = loopsOf(kernel)
  const reads = (root: Scalar): readonly number[] =>
    linearize([root]).flatMap((s) => (s.kind === 'reduced' ? [s.reduction] : []))
  reductions.forEach((r, i) => {
    if (reads(r.value).some((j) => j >= given + i)) refuse(`reduction ${i} reads one that is not made yet`)
  })
  for (const s of stores) {
    if (storedBy(s).some((root) => reads(root).some((j) => j >= given + reductions.length)))
      refuse('a store reads a reduction that the kernel does not have')
    const used = axesOf(storedBy(s))
    if (
      s.scope === 'row' &&
      (cols.some((a) => used.has(a.id)) || storedBy(s).some((root) => reads(root).some((j) => j < given)))
    )
      refuse('a row store depends on a column')
  }
  if (reductions.some((r) => r.running) && (reductions.length > 1 || cols.length > 1))
    refuse('a running reduction is the only one of its kernel, along one axis')
}

/** What is made of a dot's sums knows nothing of their terms, and has all of a row before it begins. */
const sums = ({ k, reductions, stores }: DotKernel, refuse: Refuse): void => {
  const used = axesOf([...reductions.map((r) => r.value), ...stores.flatMap(storedBy)])
  if (used.has(k.id)) refuse('what is made of the sums of a dot depends on k')
  if (reductions.some((r) => r.running)) refuse('a reduction of the rows of a dot is a running one')
  if (stores.some((s) => s.mode === 'add')) refuse('a store of a dot increases elements')
}
