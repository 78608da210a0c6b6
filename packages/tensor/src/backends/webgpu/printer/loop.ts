/**
 * Loop kernels in three shapes.
 *
 * - No reductions: a lane an element.
 * - A lane a row, its columns in a serial loop: where columns are few, where neighbouring rows are neighbours in memory
 *   (column reductions: the lanes read one line together), and for running sums, whose order is their meaning.
 * - A workgroup a row: lanes stride over the columns, then combine their parts as a tree. The order of additions depends
 *   on the kernel's shape only, so that results repeat bit for bit.
 */
import { type Block, blocksOf, rounds } from '../../../loops/blocks.ts'
import { type Axis, type Ix, constant, offset, ofAxis, scale, unflatten } from '../../../loops/ix.ts'
import type { LoopKernel, Reduction, Store } from '../../../loops/kernel.ts'
import { isHalf } from '../../../base/rounding.ts'
import { emptyReduction, linearize, type Scalar } from '../../../loops/scalar.ts'
import { substituteAxes } from '../../../loops/substitute.ts'
import { type Body, body } from './body.ts'
import { elementsOf } from './elements.ts'
import { combineText, literal, registerType } from './ops.ts'
import { nothing, type Shader, shader, writeStores } from './shader.ts'
import { powerOfTwo, type Tuning } from './tuning.ts'

const size = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.extent, 1)

/** Axes of a printed kernel: rows (and, where lanes share a row, columns) flattened into one. */
const ROW = -2
const COLUMN = -3
/** Two rows that are one word. */
const PAIR = -4

/** Images of `axes` as parts of one flat axis; contiguous accesses become the flat axis itself again (see ix.ts). */
const flatten = (
  axes: readonly Axis[],
  id: number,
): { readonly axis: Axis; readonly images: ReadonlyMap<number, Ix> } => {
  const axis = { id, extent: size(axes) }
  const parts = unflatten(
    ofAxis(axis),
    axes.map((a) => a.extent),
  )
  return { axis, images: new Map(axes.map((a, i) => [a.id, axis.extent === 0 ? constant(0) : parts[i]!])) }
}

const over = (kernel: LoopKernel, images: ReadonlyMap<number, Ix>): LoopKernel => {
  const map = substituteAxes((a) => images.get(a.id) ?? ofAxis(a))
  const one = (s: Scalar): Scalar => map([s])[0]!
  return {
    ...kernel,
    reductions: kernel.reductions.map((r) => ({ ...r, value: one(r.value) })),
    // A store's position is rewritten as the index of a scalar, so that what it reads is shared with the values.
    stores: kernel.stores.map((s) => {
      const at = one({ id: -1, kind: 'index', dtype: 'i32', ix: s.at })
      return { ...s, value: one(s.value), at: at.kind === 'index' ? at.ix : s.at }
    }),
  }
}

/** Groups of consecutive reductions none of which reads another of its group: each group is one pass over the columns. */
const passes = (reductions: readonly Reduction[]): readonly (readonly number[])[] => {
  const groups: number[][] = []
  reductions.forEach((r, i) => {
    const reads = new Set(linearize([r.value]).flatMap((s) => (s.kind === 'reduced' ? [s.reduction] : [])))
    const last = groups.at(-1)
    if (last === undefined || last.some((j) => reads.has(j))) groups.push([i])
    else last.push(i)
  })
  return groups
}

const axisName = (a: Axis): string =>
  a.id === ROW ? 'row' : a.id === COLUMN ? 'col' : a.id === PAIR ? 'pair' : `a${a.id}`
const start = (r: Reduction): string => literal(r.dtype, emptyReduction(r.op, r.dtype))
const fold = (r: Reduction, x: string, y: string): string => combineText[r.op](x, y, r.dtype)
const scoped = (kernel: LoopKernel, scope: Store['scope']): readonly Store[] =>
  kernel.stores.filter((s) => s.scope === scope)

/** One loop over columns: `turns` iterations of `axis` from `from` in steps of `step`. */
interface Loop {
  readonly axis: Axis
  readonly from: string
  readonly to: string
  readonly step: number
  readonly turns: number
}
const serialLoop = (axis: Axis): Loop => ({ axis, from: '0i', to: `${axis.extent}i`, step: 1, turns: axis.extent })

/** Where the partial sums of some reductions end, in loops over the columns. */
const blocksIn = (k: LoopKernel, group: readonly number[], loops: readonly Loop[]): readonly Block[] =>
  group.some((r) => rounds(k.reductions[r]!)) ? blocksOf(loops.map((l) => l.turns)) : []

/** Names of what a reduction is folded into, the shortest partial sum first, `top` last. */
const partials = (k: LoopKernel, r: number, top: string, blocks: readonly Block[]): readonly string[] =>
  rounds(k.reductions[r]!) ? [...blocks.map((_, level) => `${top}_${level}`), top] : [top]

/** Folds the group's values into `top(r)`, in blocks; `each` is written after the values of an iteration. */
const foldColumns = (
  out: Body,
  k: LoopKernel,
  group: readonly number[],
  loops: readonly Loop[],
  top: (r: number) => string,
  each: () => void = () => undefined,
): void => {
  const blocks = blocksIn(k, group, loops)
  const names = new Map(group.map((r) => [r, partials(k, r, top(r), blocks)]))
  const sums = group.filter((r) => names.get(r)!.length > 1)
  const inside = (): void => {
    for (const r of group) {
      const x = out.value(k.reductions[r]!.value)
      const into = names.get(r)![0]!
      out.line(`${into} = ${fold(k.reductions[r]!, into, x)};`)
    }
    each()
  }
  const run = (depth: number): void => {
    const loop = loops[depth]
    if (loop === undefined) {
      inside()
      return
    }
    const levels = blocks.flatMap((b, level) => (b.loop === depth ? [level] : []))
    const name = axisName(loop.axis)
    const within = (i: number, from: string, to: string): void => {
      const level = levels[i]
      if (level === undefined) {
        out.open(`for (var ${name} = ${from}; ${name} < ${to}; ${name} += ${loop.step}i)`, [loop.axis])
        run(depth + 1)
        out.close()
        return
      }
      const length = blocks[level]!.every * loop.step
      const start = `${name}_${level}`
      out.open(`for (var ${start} = ${from}; ${start} < ${to}; ${start} += ${length}i)`, [])
      for (const r of sums) out.line(`var ${names.get(r)![level]!} = 0.0;`)
      out.line(`let ${start}_end = min(${to}, ${start} + ${length}i);`)
      within(i - 1, start, `${start}_end`)
      for (const r of sums) {
        const [part, whole] = [names.get(r)![level]!, names.get(r)![level + 1]!]
        out.line(`${whole} = ${whole} + ${part};`)
      }
      out.close()
    }
    within(levels.length - 1, loop.from, loop.to)
  }
  run(0)
}

/** Whether lanes may write both elements of a word: all that is written of two bytes an element is written at the lane's own place. */
const writesWords = (k: LoopKernel, rows: number): boolean => {
  const ofHalves = k.stores.filter((s) => isHalf(k.buffers[s.buffer]!.dtype))
  const row = ofAxis({ id: ROW, extent: rows }).key
  return ofHalves.length > 0 && rows % 2 === 0 && k.reductions.length === 0 && ofHalves.every((s) => s.at.key === row)
}

/** No reductions, and elements of two bytes: a lane two elements, which are one word. */
const perWord = (k: LoopKernel, rows: number, tuning: Tuning): Shader => {
  const lanes = rows / 2
  const groups = Math.ceil(lanes / tuning.lanes)
  const pair: Axis = { id: PAIR, extent: lanes }
  const both = [0, 1].map((half) => over(k, new Map([[ROW, offset(scale(ofAxis(pair), 2), half)]])).stores)
  const elements = elementsOf(k.buffers, () => true)
  const out = body(elements, axisName, () => ({ text: '', level: 0 }))
  out.line(`let pair = i32(group * ${tuning.lanes}u + lane);`)
  if (groups * tuning.lanes !== lanes) out.line(`if (pair >= ${lanes}i) { return; }`)
  const written = k.stores.flatMap(({ buffer }, i) => {
    const [x, y] = both.map((stores) => stores[i]!)
    const values = [out.value(x!.value), out.value(y!.value)] as const
    if (isHalf(k.buffers[buffer]!.dtype)) return [elements.storePair(buffer, 'pair', values)]
    return [x!, y!].flatMap((s, half) => elements.store(buffer, out.index(s.at), values[half]!))
  })
  for (const line of written) out.line(line)
  return shader(elements, groups, tuning.lanes, '', out.text())
}

const perLane = (kernel: LoopKernel, tuning: Tuning): Shader => {
  const rows = size(kernel.rows)
  const groups = Math.ceil(rows / tuning.lanes)
  const { images } = flatten(kernel.rows, ROW)
  const k = over(kernel, images)
  if (writesWords(k, rows)) return perWord(k, rows, tuning)
  const running = k.reductions.some((r) => r.running)
  const loops = k.cols.map(serialLoop)
  const elements = elementsOf(k.buffers)
  const out = body(elements, axisName, (r) => {
    if (!k.reductions[r]!.running) return { text: `acc${r}`, level: 0 }
    // The running value: what is put by, and what is not yet, from the smallest part to the largest.
    const blocks = blocksIn(k, [r], loops)
    const text = partials(k, r, `acc${r}`, blocks).reduce((x, y) => `(${x} + ${y})`)
    return { text, level: loops.length + blocks.length }
  })
  out.line(`let row = i32(group * ${tuning.lanes}u + lane);`)
  if (groups * tuning.lanes !== rows) out.line(`if (row >= ${rows}i) { return; }`)

  const columns = (inside: () => void): void => {
    for (const a of k.cols) {
      const name = axisName(a)
      out.open(`for (var ${name} = 0i; ${name} < ${a.extent}i; ${name} += 1i)`, [a])
    }
    inside()
    for (const _ of k.cols) out.close()
  }
  for (const group of passes(k.reductions)) {
    for (const r of group) out.line(`var acc${r} = ${start(k.reductions[r]!)};`)
    const each = (): void => writeStores(out, elements, running ? scoped(k, 'full') : [])
    foldColumns(out, k, group, loops, (r) => `acc${r}`, each)
  }
  writeStores(out, elements, scoped(k, 'row'))
  if (!running && scoped(k, 'full').length > 0) columns(() => writeStores(out, elements, scoped(k, 'full')))
  return shader(elements, groups, tuning.lanes, '', out.text())
}

/** Combines every lane's `part` of the group's reductions; afterwards `acc` is the whole in every lane. */
const combineByMemory = (out: Body, k: LoopKernel, group: readonly number[], lanes: number): void => {
  const each = (text: (r: number) => string): string => group.map(text).join(' ')
  out.line(each((r) => `shared${r}[lane] = part${r};`))
  out.line('workgroupBarrier();')
  out.line(`for (var d = ${lanes / 2}u; d > 0u; d = d >> 1u) {`)
  const step = (r: number): string =>
    `shared${r}[lane] = ${fold(k.reductions[r]!, `shared${r}[lane]`, `shared${r}[lane + d]`)};`
  out.line(`  if (lane < d) { ${each(step)} }`)
  out.line('  workgroupBarrier();')
  out.line('}')
  for (const r of group) out.line(`let acc${r} = shared${r}[0];`)
}
/** The same within one subgroup; a butterfly gives every lane the same bits, since each step adds the same two parts. */
const combineByShuffle = (out: Body, k: LoopKernel, group: readonly number[], lanes: number): void => {
  const value = (r: number): string => (k.reductions[r]!.dtype === 'bool' ? `u32(part${r})` : `part${r}`)
  out.line(`for (var d = ${lanes / 2}u; d > 0u; d = d >> 1u) {`)
  for (const r of group) {
    const other = `subgroupShuffleXor(${value(r)}, d)`
    const typed = k.reductions[r]!.dtype === 'bool' ? `(${other} != 0u)` : other
    out.line(`  part${r} = ${fold(k.reductions[r]!, `part${r}`, typed)};`)
  }
  out.line('}')
  for (const r of group) out.line(`let acc${r} = part${r};`)
}

const perWorkgroup = (kernel: LoopKernel, tuning: Tuning): Shader => {
  const rows = size(kernel.rows)
  const columns = size(kernel.cols)
  const shuffles = tuning.subgroup > 0
  const lanes = shuffles
    ? tuning.subgroup
    : Math.min(tuning.rowLanes, Math.max(Math.min(32, tuning.rowLanes), powerOfTwo(columns / 4)))
  const col = flatten(kernel.cols, COLUMN)
  const k = over(kernel, new Map([...flatten(kernel.rows, ROW).images, ...col.images]))
  const elements = elementsOf(k.buffers)
  const out = body(elements, axisName, (r) => ({ text: `acc${r}`, level: 0 }))
  out.line('let row = i32(group);')
  const turns = Math.ceil(columns / lanes)
  const loop: Loop = { axis: col.axis, from: 'i32(lane)', to: `${columns}i`, step: lanes, turns }
  for (const group of passes(k.reductions)) {
    for (const r of group) out.line(`var part${r} = ${start(k.reductions[r]!)};`)
    foldColumns(out, k, group, [loop], (r) => `part${r}`)
    ;(shuffles ? combineByShuffle : combineByMemory)(out, k, group, lanes)
  }
  writeStores(out, elements, scoped(k, 'row'), 'lane == 0u')
  if (scoped(k, 'full').length > 0) {
    out.open(`for (var col = i32(lane); col < ${columns}i; col += ${lanes}i)`, [col.axis])
    writeStores(out, elements, scoped(k, 'full'))
    out.close()
  }
  const memory = shuffles
    ? ''
    : k.reductions.map((r, i) => `var<workgroup> shared${i}: array<${registerType(r.dtype)}, ${lanes}>;\n`).join('')
  return shader(elements, rows, lanes, memory, out.text())
}

/** Of the elements read and written in the columns' loop: how many are neighbours along the last row or column axis. */
const neighbours = (kernel: LoopKernel, axis: Axis | undefined): number => {
  if (axis === undefined) return 0
  const read = linearize([...kernel.reductions.map((r) => r.value), ...kernel.stores.map((s) => s.value)])
  const positions = [
    ...read.flatMap((s) => (s.kind === 'load' ? [s.at] : [])),
    ...scoped(kernel, 'full').map((s) => s.at),
  ]
  return positions.filter((ix) =>
    ix.terms.some((t) => t.atom.kind === 'axis' && t.atom.axis.id === axis.id && t.coef === 1),
  ).length
}

const innermost = (axes: readonly Axis[]): Axis | undefined => axes.findLast((a) => a.extent > 1)

export const printLoop = (kernel: LoopKernel, tuning: Tuning): Shader => {
  const rows = size(kernel.rows)
  const columns = size(kernel.cols)
  if (rows === 0) return nothing
  const serial =
    kernel.reductions.length === 0 ||
    kernel.reductions.some((r) => r.running) ||
    columns <= 4 ||
    (columns <= tuning.serialColumns && rows >= tuning.lanes) ||
    (rows >= 32 && neighbours(kernel, innermost(kernel.rows)) > neighbours(kernel, innermost(kernel.cols)))
  return serial ? perLane(kernel, tuning) : perWorkgroup(kernel, tuning)
}
