/**
 * Scalars as instructions. A frame says where the loops stand and which axis, if any, spans the four lanes; every index
 * is substituted lane by lane, and what the index algebra then shows (the same in all lanes, consecutive, or neither)
 * decides how an element is loaded or stored.
 */
import { type DType, dtypes, type Register } from '../../../base/dtype.ts'
import { type Half, isHalf } from '../../../base/rounding.ts'
import * as I from '../../../loops/ix.ts'
import type { Atom, Axis, Ix } from '../../../loops/ix.ts'
import { mentions } from '../../linear/operand.ts'
import type { Store } from '../../../loops/kernel.ts'
import type { Scalar } from '../../../loops/scalar.ts'
import { asInteger, extract, extremum, gatherLanes, i32, access, accessOfHalf, select } from './arithmetic.ts'
import type { Emitter, Val } from './emitter.ts'
import { narrowed, widened } from './halves.ts'
import { code, type Type } from './instructions.ts'
import { expAtMostOne } from './transcendental.ts'
import { binaryOps, convert, typeOf, unaryOps } from './operators.ts'

export interface Pointer {
  readonly base: Val
  readonly dtype: DType
  /** Whether the kernel writes it, so that loads stay where they are written. */
  readonly changes: boolean
}

/** One lane or four of a kernel's iteration space. Frames do not outlive the loop they are made in. */
export interface Frame {
  /** The axis that the lanes span; null for one lane. */
  readonly vector: Axis | null
  /** Lanes in use; the others repeat the last one where an address is computed, and hold anything elsewhere. */
  readonly valid: number
  /** What an axis of the kernel is, over the axes of the loops; one more from lane to lane for the axis of the lanes. */
  readonly place: (axis: Axis, lane: number) => Ix
  readonly reduced: (reduction: number) => Val
  /** A value computed earlier and still at hand. */
  readonly kept: (s: Scalar) => Val | null
}

export interface Printer {
  readonly value: (frame: Frame, s: Scalar) => Val
  /** One iteration's stores: all values and positions before the first is written. */
  readonly stores: (frame: Frame, stores: readonly Store[]) => void
  /** Values and positions of stores; what is given writes them. */
  readonly prepared: (frame: Frame, stores: readonly Store[]) => () => void
  /** Writes a value (all lanes of it) to an element of a buffer, or from an element onwards. */
  readonly spill: (frame: Frame, buffer: number, at: Ix, x: Val) => void
  readonly reload: (frame: Frame, buffer: number, at: Ix, type: Type) => Val
  /** Where an element of a buffer is: lane 0 of it. */
  readonly address: (frame: Frame, buffer: number, at: Ix) => Address
  /** An index over the loops' axes, as an i32. */
  readonly position: (frame: Frame, ix: Ix) => Val
}

const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0

/** Bytes: a base and what a load or store adds to it. */
export interface Address {
  readonly base: Val
  readonly offset: number
}
type Reach = { readonly kind: 'uniform' | 'consecutive' | 'scattered'; readonly lanes: readonly Ix[] }

/** `atMostZero`: whether a number is known to be 0, less, or NaN. */
export const printer = (
  e: Emitter,
  pointers: readonly Pointer[],
  loops: ReadonlyMap<number, Val>,
  atMostZero: (x: Scalar) => boolean = () => false,
): Printer => {
  const memos = new WeakMap<Frame, Map<Scalar, Val>>()

  const value: Printer['value'] = (frame, s) => {
    const memo = memos.get(frame) ?? new Map<Scalar, Val>()
    memos.set(frame, memo)
    const known = memo.get(s) ?? frame.kept(s) ?? compute(frame, s)
    memo.set(s, known)
    return known
  }
  const compute = (frame: Frame, s: Scalar): Val => {
    switch (s.kind) {
      case 'const':
        return e.constant(typeOf(s.dtype), typeOf(s.dtype) === 'i32' ? s.value | 0 : s.value)
      case 'index':
        return integers(frame, s.ix)
      case 'within':
        return within(frame, s.ix, s.lo, s.hi)
      case 'load':
        return load(frame, s.buffer, s.at, s.dtype)
      case 'reduced':
        return frame.reduced(s.reduction)
      case 'unary':
        if (s.op === 'exp' && atMostZero(s.x)) return expAtMostOne(e, value(frame, s.x))
        return unaryOps[s.op](e, value(frame, s.x), s.x.dtype)
      case 'binary':
        return binaryOps[s.op](e, value(frame, s.x), value(frame, s.y), s.x.dtype)
      case 'select': {
        const condition = value(frame, s.cond)
        if (condition.value !== null) return value(frame, condition.value === 0 ? s.y : s.x)
        return select(e, condition, value(frame, s.x), value(frame, s.y))
      }
      case 'cast':
        return convert(e, value(frame, s.x), s.x.dtype, s.dtype)
    }
  }

  /** Whether an index reads a scalar that differs between the lanes. */
  const dataVaries = (frame: Frame, ix: Ix): boolean =>
    ix.terms.some(({ atom }) =>
      atom.kind === 'value' ? value(frame, atom.scalar).lanes : atom.kind !== 'axis' && dataVaries(frame, atom.of),
    )
  const reach = (frame: Frame, ix: Ix): Reach => {
    const { vector, valid } = frame
    const lane = (l: number): Ix =>
      I.substitute(
        ix,
        (a) => frame.place(a, l),
        (s) => s,
      )
    const first = lane(0)
    if (vector === null) return { kind: 'uniform', lanes: [first] }
    const varies = dataVaries(frame, ix)
    const step = coefficient(ix, vector)
    if (step !== null) {
      if (step === 0 && !varies) return { kind: 'uniform', lanes: [first] }
      const lanes = Array.from({ length: valid }, (_, l) => I.offset(first, step * l))
      return { kind: step === 1 && !varies ? 'consecutive' : 'scattered', lanes }
    }
    const lanes = Array.from({ length: valid }, (_, l) => (l === 0 ? first : lane(l)))
    const steps = (by: number): boolean => !varies && lanes.every((x, l) => x.key === I.offset(first, by * l).key)
    return { kind: steps(1) ? 'consecutive' : steps(0) ? 'uniform' : 'scattered', lanes }
  }
  /** The index list padded to four lanes. */
  const fourLanes = <A>(lanes: readonly A[]): readonly A[] =>
    [0, 1, 2, 3].map((l) => lanes[Math.min(l, lanes.length - 1)]!)

  const atomOf = (frame: Frame, atom: Atom, lane: number): Val => {
    switch (atom.kind) {
      case 'axis':
        return loops.get(atom.axis.id)!
      case 'value': {
        const data = value(frame, atom.scalar)
        const isSigned = atom.scalar.dtype === 'i32'
        const capped = extremum(e, isSigned ? 'minS' : 'minU', data, i32(e, atom.extent - 1))
        return extract(e, isSigned ? extremum(e, 'maxS', capped, i32(e, 0)) : capped, lane)
      }
      case 'clamp':
        return extremum(
          e,
          'maxS',
          extremum(e, 'minS', positionOf(frame, atom.of, lane), i32(e, atom.hi)),
          i32(e, atom.lo),
        )
      case 'div':
        return quotient(frame, atom.of, atom.by, lane)
      case 'mod':
        return remainder(frame, atom.of, atom.by, lane)
    }
  }
  /** How many divisors to add so that the index is not negative, where rounding down and truncating agree. */
  const lift = (of: Ix, by: number): number => (of.lo < 0 ? Math.ceil(-of.lo / by) : 0)
  const quotient = (frame: Frame, of: Ix, by: number, lane: number): Val => {
    if (isPowerOfTwo(by)) return e.op('ishrs', positionOf(frame, of, lane), i32(e, Math.log2(by)))
    const up = lift(of, by)
    const q = e.pure(code.i32DivS, [positionOf(frame, I.offset(of, up * by), lane), i32(e, by)], 'i32', false)
    return e.op('isub', q, i32(e, up))
  }
  const remainder = (frame: Frame, of: Ix, by: number, lane: number): Val => {
    if (isPowerOfTwo(by)) return e.op('iand', positionOf(frame, of, lane), i32(e, by - 1))
    const x = positionOf(frame, I.offset(of, lift(of, by) * by), lane)
    return e.pure(code.i32RemS, [x, i32(e, by)], 'i32', false)
  }
  /** The terms in units of `unit`, each multiplied where it is known. */
  const products = (frame: Frame, ix: Ix, lane: number, unit: number): Val[] =>
    ix.terms.map(({ coef, atom }) => e.op('imul', atomOf(frame, atom, lane), i32(e, coef * unit)))
  /** A sum whose parts are added from the outermost loop inwards. */
  const sum = (parts: readonly Val[]): Val =>
    [...parts].sort((x, y) => x.level - y.level).reduce((total, x) => e.op('iadd', total, x))
  const positionOf = (frame: Frame, ix: Ix, lane: number): Val =>
    sum([i32(e, ix.constant), ...products(frame, ix, lane, 1)])

  const addressOf = (frame: Frame, { base, dtype }: Pick<Pointer, 'base' | 'dtype'>, ix: Ix, lane: number): Address => {
    const { bytes } = dtypes[dtype]
    const parts = products(frame, ix, lane, bytes)
    // An immediate offset is added without wrapping: only where the rest cannot be negative.
    const immediate = ix.constant >= 0 && ix.lo >= ix.constant
    const start = immediate ? base : e.op('iadd', base, i32(e, bytes * ix.constant))
    return { base: sum([start, ...parts]), offset: immediate ? bytes * ix.constant : 0 }
  }

  const integers = (frame: Frame, ix: Ix): Val => {
    const { kind, lanes } = reach(frame, ix)
    if (kind === 'uniform') return positionOf(frame, lanes[0]!, 0)
    const distances = lanes.map((x) => I.sub(x, lanes[0]!))
    if (dataVaries(frame, ix) || distances.some((d) => d.terms.length > 0))
      return gatherLanes(e, fourLanes(lanes.map((x, l) => positionOf(frame, x, l))))
    const spread = e.vector('i32', fourLanes(distances.map((d) => d.constant)))
    return e.op('iadd', positionOf(frame, lanes[0]!, 0), spread)
  }
  const within = (frame: Frame, ix: Ix, lo: number, hi: number): Val => {
    const { lanes } = reach(frame, ix)
    if (lanes.every((x) => x.lo >= lo && x.hi < hi)) return e.constant('bool', 1)
    if (lanes.every((x) => x.hi < lo || x.lo >= hi)) return e.constant('bool', 0)
    return e.op('iltu', e.op('isub', integers(frame, ix), i32(e, lo)), i32(e, hi - lo))
  }

  const loadFrom = (pointer: Pointer): Emitter['pure'] => (pointer.changes ? e.pinned : e.pure)
  /** Elements of two bytes, widened. */
  const loadHalves = (frame: Frame, pointer: Pointer, half: Half, { kind, lanes }: Reach): Val => {
    const one = (l: number): Val => {
      const { base, offset } = addressOf(frame, pointer, lanes[l]!, l)
      return loadFrom(pointer)(accessOfHalf(code.i32Load16, offset), [base], 'i32', false)
    }
    const bits = (): Val => {
      if (kind === 'uniform') return one(0)
      if (kind === 'scattered') return gatherLanes(e, fourLanes(lanes.map((_, l) => one(l))))
      const { base, offset } = addressOf(frame, pointer, lanes[0]!, 0)
      return loadFrom(pointer)(accessOfHalf(code.i32x4Load16, offset), [base], 'i32', true)
    }
    return widened[half](e, bits())
  }
  const load = (frame: Frame, buffer: number, at: Ix, dtype: Register): Val => {
    const pointer = pointers[buffer]!
    if (isHalf(pointer.dtype)) return loadHalves(frame, pointer, pointer.dtype, reach(frame, at))
    const type = dtype === 'f32' ? 'f32' : 'i32'
    const { kind, lanes } = reach(frame, at)
    const address = (l: number): Address => addressOf(frame, pointer, lanes[l]!, l)
    const raw = (): Val => {
      const { base, offset } = address(0)
      if (kind === 'uniform') {
        const opcode = type === 'f32' ? code.f32Load : code.i32Load
        return loadFrom(pointer)(access(opcode, offset), [base], type, false)
      }
      if (kind === 'consecutive') return loadFrom(pointer)(access(code.v128Load, offset), [base], type, true)
      const first = loadFrom(pointer)(access(code.v128Load32Zero, offset), [base], type, true)
      return [1, 2, 3].reduce((vector, l) => {
        const from = address(Math.min(l, frame.valid - 1))
        const bytes = access(code.v128Load32Lane, from.offset, l)
        return loadFrom(pointer)(bytes, [from.base, vector], type, true)
      }, first)
    }
    return dtype === 'bool' ? e.op('ine', raw(), i32(e, 0)) : raw()
  }

  const prepared: Printer['prepared'] = (frame, list) => {
    const writes = list.map((s) => preparedOne(frame, s))
    return () => writes.forEach((write) => write())
  }
  const stores: Printer['stores'] = (frame, list) => prepared(frame, list)()
  /** A store whose value and position are known: what is left is to write it. */
  const preparedOne = (frame: Frame, { buffer, at, value: scalar, mode }: Store): (() => void) => {
    const pointer = pointers[buffer]!
    const dtype = scalar.dtype
    const type = dtype === 'f32' ? 'f32' : 'i32'
    const computed = value(frame, scalar)
    const x = dtype === 'bool' ? asInteger(e, computed) : computed
    const { kind, lanes } = reach(frame, at)
    const addresses = lanes.map((ix, l) => addressOf(frame, pointer, ix, l))
    const { base, offset } = addresses[0]!
    if (isHalf(pointer.dtype)) return storeHalves(frame, narrowed[pointer.dtype](e, x), kind, addresses)
    const increase = (y: Val, from: Address, opcode: readonly number[]): Val =>
      mode === 'set' ? y : binaryOps.add(e, e.pinned(access(opcode, from.offset), [from.base], type, y.lanes), y, dtype)

    if (frame.vector !== null && kind === 'consecutive')
      return () => {
        const whole = increase(e.splat(x), addresses[0]!, code.v128Load)
        const { valid } = frame
        if (valid === 4) e.effect(access(code.v128Store, offset), [base, whole])
        if (valid === 2 || valid === 3) e.effect(access(code.v128Store64Lane, offset, 0), [base, whole])
        if (valid === 1 || valid === 3)
          e.effect(access(code.v128Store32Lane, offset + 4 * (valid - 1), valid - 1), [base, whole])
      }
    const count = frame.vector === null ? 1 : frame.valid
    return () => {
      for (let l = 0; l < count; l++) {
        const to = addresses[Math.min(l, addresses.length - 1)]!
        const one = increase(extract(e, x, l), to, type === 'f32' ? code.f32Load : code.i32Load)
        e.effect(access(type === 'f32' ? code.f32Store : code.i32Store, to.offset), [to.base, one])
      }
    }
  }
  /** Writes the lower halves of integers. */
  const storeHalves =
    (frame: Frame, bits: Val, kind: Reach['kind'], addresses: readonly Address[]): (() => void) =>
    () => {
      if (frame.vector !== null && kind === 'consecutive' && frame.valid === 4) {
        const whole = e.splat(bits)
        const halves = e.pure(code.i16x8NarrowU, [whole, whole], 'i32', true)
        e.effect(accessOfHalf(code.v128Store64Lane, addresses[0]!.offset, 0), [addresses[0]!.base, halves])
        return
      }
      for (let l = 0; l < (frame.vector === null ? 1 : frame.valid); l++) {
        const to = addresses[Math.min(l, addresses.length - 1)]!
        e.effect(accessOfHalf(code.i32Store16, to.offset), [to.base, extract(e, bits, l)])
      }
    }
  const placed = (frame: Frame, buffer: number, at: Ix): Address =>
    addressOf(
      frame,
      pointers[buffer]!,
      I.substitute(
        at,
        (a) => frame.place(a, 0),
        (s) => s,
      ),
      0,
    )
  const spill: Printer['spill'] = (frame, buffer, at, x) => {
    const { base, offset } = placed(frame, buffer, at)
    const opcode = frame.vector !== null ? code.v128Store : x.type === 'f32' ? code.f32Store : code.i32Store
    e.effect(access(opcode, offset), [base, frame.vector === null ? x : e.splat(x)])
  }
  const reload: Printer['reload'] = (frame, buffer, at, type) => {
    const { base, offset } = placed(frame, buffer, at)
    const opcode = frame.vector !== null ? code.v128Load : type === 'f32' ? code.f32Load : code.i32Load
    return e.pinned(access(opcode, offset), [base], type, frame.vector !== null)
  }
  return { value, stores, prepared, spill, reload, address: placed, position: (frame, ix) => positionOf(frame, ix, 0) }
}

/** What an index is multiplied by along an axis; null where it does more than multiply it. */
const coefficient = (ix: Ix, axis: Axis): number | null => {
  let coef = 0
  for (const { coef: c, atom } of ix.terms) {
    if (atom.kind === 'axis') coef = atom.axis === axis ? c : coef
    else if (atom.kind !== 'value' && mentions(atom.of, axis)) return null
  }
  return coef
}
