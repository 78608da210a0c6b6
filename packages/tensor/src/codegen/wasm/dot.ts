/**
 * Prints a dot as a register-blocked product: tiles of 2 rows x 16 columns stay in eight accumulators while k runs, each
 * step of k loading four vectors of b and spreading two elements of a. Elements of b are first copied, four vectors side
 * by side, into a panel that stays in cache for all rows (so any scalar will do, evaluated once); so are those of a
 * where they do not already lie along k. Long k is cut into blocks, whose sums wait in scratch.
 */
import * as I from '../ix.ts'
import type { Axis, Ix } from '../ix.ts'
import type { DotKernel } from '../kernel.ts'
import type { Scalar } from '../scalar.ts'
import { extremum, i32, memarg, shuffle } from './arithmetic.ts'
import { type Emitter, emitter, type Val, type Variable } from './emitter.ts'
import { code } from './instructions.ts'
import type { Printed } from './loop.ts'
import { accessCost, accessesOf } from './plan.ts'
import { type Frame, mentions, printer, type Printer } from './printer.ts'

/** Rows of a tile. */
const MR = 2
/** Vectors of a tile's row: 16 columns. A single row has registers for twice as many. */
const NV = 4
const NV_OF_ONE_ROW = 8
/** Steps of k between one packing of b and the next: a panel of 16 KiB, half of a first-level cache. */
const KC = 256
/** Rows that share a packed panel; fewer where their packed a would leave the second-level cache. */
const MC = 256
const PACKED_A_BYTES = 1 << 19
/** Fewer rows than this do not repay a copy of b that lies well already. */
const REPAYS = 12

/** How far apart the elements of a load are along two axes that it uses plainly; null where it is not so simple. */
interface Strides {
  readonly buffer: number
  readonly at: Ix
  readonly along: (axis: Axis) => number
}
const stridesOf = (s: Scalar, axes: readonly Axis[], kernel: DotKernel): Strides | null => {
  if (s.kind !== 'load' || s.dtype !== 'f32' || kernel.buffers[s.buffer]!.write) return null
  const plain = s.at.terms.every(
    ({ atom }) =>
      atom.kind === 'axis' || (atom.kind !== 'value' && axes.every((axis) => !mentions(atom.of, axis))),
  )
  const along = (axis: Axis): number =>
    s.at.terms.find(({ atom }) => atom.kind === 'axis' && atom.axis === axis)?.coef ?? 0
  return plain ? { buffer: s.buffer, at: s.at, along } : null
}

/** The same product transposed, where that makes the stores run along the lanes. */
const oriented = (kernel: DotKernel): DotKernel => {
  const along = (axis: Axis): number => accessCost(kernel.stores.map((s) => s.at), axis)
  const swap = kernel.n.extent === 1 || (kernel.m.extent >= 4 && along(kernel.m) < along(kernel.n))
  return swap ? { ...kernel, m: kernel.n, n: kernel.m, a: kernel.b, b: kernel.a } : kernel
}

/** Four columns: where each is, and how many exist. */
interface Column {
  readonly at: (lane: number) => Ix
  readonly valid: number
}

export const printDot = (given: DotKernel): Printed => {
  const kernel = oriented(given)
  const { batch, m, n, k, buffers } = kernel
  const e = emitter(buffers.length + 3)
  const loops = new Map<number, Val>()
  const scratch = e.param(2 + buffers.length)
  const print = printer(
    e,
    buffers.map(({ read, write }, i) => ({ base: e.param(2 + i), changes: read && write })),
    loops,
  )
  let nextAxis = -2
  const axis = (extent: number): Axis => ({ id: nextAxis--, extent })

  // -- shape of the work
  const a = stridesOf(kernel.a, [m, k], kernel)
  const b = stridesOf(kernel.b, [n, k], kernel)
  const aDirect = a !== null && a.along(k) > 0 && a.along(m) >= 0 && (a.along(k) === 1 || m.extent <= MR)
  const bDirect = b !== null && b.along(n) === 1 && b.along(k) > 0 && m.extent < REPAYS
  const nv = m.extent === 1 ? NV_OF_ONE_ROW : NV
  const byCache = Math.floor(PACKED_A_BYTES / (4 * Math.max(1, k.extent)))
  const blockRows = Math.min(MC, aDirect ? MC : Math.max(16, byCache & -MR))
  const blocks = Math.max(1, Math.ceil(m.extent / blockRows))
  const pairs = Math.floor(m.extent / MR)
  const pairsOfBlock = blocks === 1 ? pairs : blockRows / MR
  const rowsOfBlock = blocks === 1 ? m.extent : blockRows
  const items = batch.reduce((count, x) => count * x.extent, 1)
  const units = m.extent === 0 || n.extent === 0 ? 0 : items * blocks
  const kBlocks = Math.max(1, Math.ceil(k.extent / KC))

  // -- scratch, in bytes
  const evenRows = rowsOfBlock + (rowsOfBlock % MR)
  const aBytes = aDirect ? 0 : evenRows * k.extent * 4 + 64
  const bBytes = bDirect ? 0 : (Math.min(KC, k.extent) + 4) * nv * 16
  const sumBytes = kBlocks === 1 ? 0 : evenRows * nv * 16
  const bAt = aBytes
  const sumsAt = aBytes + bBytes

  const unit = axis(units)
  const pair = axis(pairs)
  const frameAt = (places: ReadonlyMap<Axis, Ix>, over: Partial<Frame> = {}): Frame => ({
    vector: null,
    valid: 4,
    place: (x) => places.get(x) ?? I.ofAxis(x),
    reduced: () => e.constant('f32', 0),
    kept: () => null,
    ...over,
  })

  const runUnit = (): void => {
    const item = I.unflatten(I.div(I.ofAxis(unit), blocks), batch.map((x) => x.extent))
    const places = new Map(batch.map((x, i) => [x, item[i]!]))
    const block = I.mod(I.ofAxis(unit), blocks)
    const plain = frameAt(places)
    const first = print.position(plain, I.scale(block, pairsOfBlock))
    const end = blocks === 1 ? i32(e, pairs) : extremum(e, 'minS', e.op('iadd', first, i32(e, pairsOfBlock)), i32(e, pairs))
    /** Every tile of the block: its rows, how many, and its position in the block. */
    const overTiles = (body: (row: Ix, count: number, position: Val) => void): void => {
      e.loop(first, end, (i) => {
        loops.set(pair.id, i)
        body(I.scale(I.ofAxis(pair), MR), MR, e.op('isub', i, first))
      })
      if (m.extent % MR === 0) return
      const last = (): void => body(I.constant(m.extent - 1), 1, e.op('isub', i32(e, pairs), first))
      if (blocks === 1) last()
      else e.when(e.op('ieq', end, i32(e, pairs)), () => last())
    }
    /** Where the packed rows of a tile begin. */
    const rowStart = (position: Val): Val => e.op('iadd', scratch, e.op('imul', position, i32(e, MR * k.extent * 4)))

    if (!aDirect) overTiles((row, count, position) => packRows({ e, print, kernel, places, frameAt, axis, loops }, row, count, rowStart(position)))

    const panel = (columns: readonly Column[]): void => {
      if (kBlocks > 1) e.effect(code.memoryFill, [e.op('iadd', scratch, i32(e, sumsAt)), i32(e, 0), i32(e, sumBytes)])
      const runBlock = (start: Ix, length: number, last: boolean): void => {
        const panelAt = e.op('iadd', scratch, i32(e, bAt))
        if (!bDirect) packColumns({ e, print, kernel, places, frameAt, axis, loops }, columns, start, length, panelAt)
        overTiles((row, count, position) => {
          const sums = e.op('iadd', e.op('iadd', scratch, i32(e, sumsAt)), e.op('imul', position, i32(e, MR * columns.length * 16)))
          tile(columns, row, count, start, length, rowStart(position), panelAt, kBlocks === 1 ? null : sums, last)
        })
      }
      const blockOfK = axis(kBlocks - 1)
      e.loop(0, kBlocks - 1, (i) => {
        loops.set(blockOfK.id, i)
        runBlock(I.scale(I.ofAxis(blockOfK), KC), KC, false)
      })
      const done = (kBlocks - 1) * KC
      runBlock(I.constant(done), k.extent - done, true)
    }
    const tile = (
      columns: readonly Column[],
      row: Ix,
      count: number,
      start: Ix,
      length: number,
      packedRows: Val,
      panelAt: Val,
      sums: Val | null,
      last: boolean,
    ): void => {
      const rows = Array.from({ length: count }, (_, i) => i)
      const sumOffset = (i: number, j: number): number => (i * columns.length + j) * 16
      const accumulators: readonly (readonly Variable[])[] = rows.map((i) =>
        columns.map((_, j) => {
          const acc = e.variable('f32', true)
          const zero = e.vector('f32', [0, 0, 0, 0])
          e.assign(acc, sums === null ? zero : e.pinned([...code.v128Load, ...memarg(sumOffset(i, j))], [sums], 'f32', true))
          return acc
        }),
      )
      if (length > 0) {
        const corner = frameAt(new Map([...places, [m, row], [k, start], [n, columns[0]!.at(0)]]))
        const fromA = aDirect ? print.address(corner, a.buffer, a.at) : null
        const fromB = bDirect ? print.address(corner, b.buffer, b.at) : null
        const startBytes = e.op('imul', print.position(plain, start), i32(e, 4 * MR))
        const pa = e.variable('i32', false)
        const pb = e.variable('i32', false)
        e.assign(pa, fromA?.base ?? e.op('iadd', packedRows, startBytes))
        e.assign(pb, fromB?.base ?? panelAt)
        const stepA = 4 * (aDirect ? a.along(k) : MR)
        const rowA = 4 * (aDirect ? a.along(m) : 1)
        const stepB = bDirect ? 4 * b.along(k) : 16 * columns.length
        const endB = e.op('iadd', fromB?.base ?? panelAt, i32(e, stepB * length))
        e.repeat(() => {
          const [atA, atB] = [e.read(pa), e.read(pb)]
          const bs = columns.map((_, j) =>
            e.pure([...code.v128Load, ...memarg((fromB?.offset ?? 0) + 16 * j)], [atB], 'f32', true),
          )
          for (const i of rows) {
            const x = e.pure([...code.v128Load32Splat, ...memarg((fromA?.offset ?? 0) + rowA * i)], [atA], 'f32', true)
            columns.forEach((_, j) => {
              const acc = accumulators[i]![j]!
              e.assign(acc, e.op('fadd', e.read(acc), e.op('fmul', x, bs[j]!)))
            })
          }
          const nextB = e.op('iadd', atB, i32(e, stepB))
          e.assign(pa, e.op('iadd', atA, i32(e, stepA)))
          e.assign(pb, nextB)
          return e.op('ine', nextB, endB)
        })
      }
      if (!last) {
        for (const i of rows)
          columns.forEach((_, j) =>
            e.effect([...code.v128Store, ...memarg(sumOffset(i, j))], [sums!, e.read(accumulators[i]![j]!)]),
          )
        return
      }
      for (const i of rows)
        columns.forEach((column, j) => {
          const sum = e.read(accumulators[i]![j]!)
          const frame: Frame = {
            vector: n,
            valid: column.valid,
            place: (x, lane) => (x === n ? column.at(lane) : x === m ? I.offset(row, i) : (places.get(x) ?? I.ofAxis(x))),
            reduced: () => sum,
            kept: () => null,
          }
          for (const s of kernel.stores) print.store(frame, s)
        })
    }

    const width = 4 * nv
    const columnsFrom = (start: Ix, count: number): readonly Column[] =>
      Array.from({ length: Math.ceil(count / 4) }, (_, j) => ({
        at: (lane) => I.offset(start, 4 * j + lane),
        valid: Math.min(4, count - 4 * j),
      }))
    const whole = Math.floor(n.extent / width)
    const panels = axis(whole)
    e.loop(0, whole, (i) => {
      loops.set(panels.id, i)
      panel(columnsFrom(I.scale(I.ofAxis(panels), width), width))
    })
    if (n.extent % width !== 0) panel(columnsFrom(I.constant(whole * width), n.extent % width))
  }
  if (units > 0)
    e.loop(e.param(0), e.param(1), (u) => {
      loops.set(unit.id, u)
      runUnit()
    })
  return { run: e.finish(), units, scratchBytes: sumsAt + sumBytes }
}

/** What packing needs of the print. */
interface Packing {
  readonly e: Emitter
  readonly print: Printer
  readonly kernel: DotKernel
  readonly places: ReadonlyMap<Axis, Ix>
  readonly frameAt: (places: ReadonlyMap<Axis, Ix>, over?: Partial<Frame>) => Frame
  readonly axis: (extent: number) => Axis
  readonly loops: Map<number, Val>
}

/** Runs the body over `length` steps of k by `width`, with where each begins and how many of its steps exist. */
const overSteps = (
  { e, axis, loops }: Packing,
  length: number,
  width: number,
  body: (start: Ix, valid: number) => void,
): void => {
  const turns = Math.floor(length / width)
  const turn = axis(turns)
  e.loop(0, turns, (i) => {
    loops.set(turn.id, i)
    body(I.scale(I.ofAxis(turn), width), width)
  })
  if (length % width !== 0) body(I.constant(turns * width), length % width)
}

/** Elements lie along k rather than along the other axis. */
const liesAlongK = (s: Scalar, k: Axis, other: Axis): boolean => {
  const indices = accessesOf([s], [])
  return k.extent >= 4 && accessCost(indices, k) < accessCost(indices, other)
}

/** The transpose of a 4 x 4 matrix given by its rows. */
const transposed = (e: Emitter, rows: readonly Val[]): readonly Val[] => {
  const pairs = (x: number, y: number): readonly Val[] => [
    shuffle(e, rows[x]!, rows[y]!, [0, 4, 1, 5]),
    shuffle(e, rows[x]!, rows[y]!, [2, 6, 3, 7]),
  ]
  const upper = pairs(0, 1)
  const lower = pairs(2, 3)
  return [0, 1].flatMap((half) => [
    shuffle(e, upper[half]!, lower[half]!, [0, 1, 4, 5]),
    shuffle(e, upper[half]!, lower[half]!, [2, 3, 6, 7]),
  ])
}

/** b for steps [start, start + length) of k into a panel [step][vector of columns]. */
const packColumns = (work: Packing, columns: readonly Column[], start: Ix, length: number, panelAt: Val): void => {
  const { e, print, kernel, places, frameAt } = work
  const { n, k, b } = kernel
  const row = 16 * columns.length
  const to = (step: Ix): Val =>
    e.op('iadd', panelAt, print.position(frameAt(places), I.scale(step, row)))
  if (liesAlongK(b, k, n)) {
    overSteps(work, length, 4, (step, valid) => {
      const base = to(step)
      columns.forEach((column, j) => {
        const vectors = [0, 1, 2, 3].map((l) => {
          const at = column.at(Math.min(l, column.valid - 1))
          const frame = frameAt(places, {
            vector: k,
            valid,
            place: (x, lane) =>
              x === k ? I.offset(I.add(start, step), lane) : x === n ? at : (places.get(x) ?? I.ofAxis(x)),
          })
          return e.splat(print.value(frame, b))
        })
        transposed(e, vectors)
          .slice(0, valid)
          .forEach((v, l) => e.effect([...code.v128Store, ...memarg(l * row + 16 * j)], [base, v]))
      })
    })
    return
  }
  overSteps(work, length, 1, (step) => {
    const base = to(step)
    columns.forEach((column, j) => {
      const frame = frameAt(places, {
        vector: n,
        valid: column.valid,
        place: (x, lane) =>
          x === n ? column.at(lane) : x === k ? I.add(start, step) : (places.get(x) ?? I.ofAxis(x)),
      })
      e.effect([...code.v128Store, ...memarg(16 * j)], [base, e.splat(print.value(frame, b))])
    })
  })
}

/** a for the rows of one tile and all of k into [step][row of the tile]. */
const packRows = (work: Packing, row: Ix, count: number, target: Val): void => {
  const { e, print, kernel, places, frameAt } = work
  const { m, k, a } = kernel
  const to = (step: Ix): Val => e.op('iadd', target, print.position(frameAt(places), I.scale(step, 4 * MR)))
  const rowAt = (i: number): Ix => I.offset(row, Math.min(i, count - 1))
  if (liesAlongK(a, k, m)) {
    overSteps(work, k.extent, 4, (step, valid) => {
      const base = to(step)
      const [x, y] = [0, 1].map((i) =>
        e.splat(
          print.value(
            frameAt(places, {
              vector: k,
              valid,
              place: (z, lane) =>
                z === k ? I.offset(step, lane) : z === m ? rowAt(i) : (places.get(z) ?? I.ofAxis(z)),
            }),
            a,
          ),
        ),
      ) as [Val, Val]
      e.effect([...code.v128Store, ...memarg(0)], [base, shuffle(e, x, y, [0, 4, 1, 5])])
      if (valid > 2) e.effect([...code.v128Store, ...memarg(16)], [base, shuffle(e, x, y, [2, 6, 3, 7])])
    })
    return
  }
  overSteps(work, k.extent, 1, (step) => {
    const frame = frameAt(places, {
      vector: m,
      valid: count,
      place: (x, lane) =>
        x === m ? I.offset(row, lane) : x === k ? step : (places.get(x) ?? I.ofAxis(x)),
    })
    e.effect([...code.v128Store64Lane, ...memarg(0), 0], [to(step), e.splat(print.value(frame, a))])
  })
}
