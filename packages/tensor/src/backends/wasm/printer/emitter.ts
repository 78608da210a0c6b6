/**
 * Builds one function of WebAssembly in single-assignment form. Code is kept by loop level: an instruction is emitted at
 * the outermost open level at which all its operands are known, so hoisting out of loops is where a value lands, and
 * values are numbered, so that the same instruction on the same operands is emitted once a level.
 */
import { f32Bytes, f64Bytes, i32Bytes, signed, unsigned, type WasmFunction, type WasmType } from './encode.ts'
import { allocateLocals, LOOP_BEGINS, LOOP_ENDS, nameToken } from './locals.ts'
import { code, type Instruction, instructions, type Type } from './instructions.ts'

export interface Val {
  readonly type: Type
  /** Whether it is a 128-bit vector (four f32, i32 or bool; two f64). */
  readonly lanes: boolean
  /** The loop level that computes it; 0 is the function's entry. */
  readonly level: number
  /** Equal ids mean equal values. */
  readonly id: string
  readonly local: number
  /** A scalar constant's value, which is an immediate and has no local. */
  readonly value: number | null
}

/** A local that changes: an accumulator or a loop's index. */
export interface Variable {
  readonly type: Type
  readonly lanes: boolean
  readonly local: number
  version: number
}

export interface Emitter {
  readonly param: (index: number) => Val
  readonly constant: (type: Type, value: number) => Val
  /** A vector constant of f32, i32 or bool lanes. */
  readonly vector: (type: Type, values: readonly number[]) => Val
  /** The scalar instruction, or the one for lanes when any operand is a vector (the others are then spread). */
  readonly op: (name: Instruction, ...operands: Val[]) => Val
  /** Any instruction that depends on its operands only. */
  readonly pure: (bytes: readonly number[], operands: readonly Val[], type: Type, lanes: boolean) => Val
  /** Any instruction that must run where it is written, e.g. a load from a buffer that changes. */
  readonly pinned: (bytes: readonly number[], operands: readonly Val[], type: Type, lanes: boolean) => Val
  /** An instruction without a result. */
  readonly effect: (bytes: readonly number[], operands: readonly Val[]) => void
  readonly splat: (x: Val) => Val
  readonly variable: (type: Type, lanes: boolean) => Variable
  readonly read: (v: Variable) => Val
  readonly assign: (v: Variable, x: Val) => void
  /** Runs the body for start <= i < end; straight-line when that is one iteration known now. */
  readonly loop: (start: Val | number, end: Val | number, body: (i: Val) => void) => void
  /** Runs the body at least once, until it returns a false condition. */
  readonly repeat: (body: () => Val) => void
  readonly when: (condition: Val, body: () => void) => void
  /**
   * `common`, or where the condition holds what `rare` makes of the operands: a branch, taken only if the condition holds in
   * some lane. Depends on its operands only, and is placed and numbered like `pure`; `name` stands for `rare`.
   */
  readonly rarely: (
    name: string,
    condition: Val,
    operands: readonly Val[],
    common: readonly Val[],
    rare: (operands: readonly Val[]) => readonly Val[],
  ) => readonly Val[]
  readonly finish: () => WasmFunction
}

interface Level {
  readonly code: number[]
  readonly known: Map<string, Val>
  readonly branches: Map<string, readonly Val[]>
}

const wasmType = (type: Type, lanes: boolean): WasmType => (lanes ? 'v128' : type === 'bool' ? 'i32' : type)

/** Arithmetic on integer constants, which addresses are full of, and whether they are equal. */
const folded: Partial<Readonly<Record<Instruction, (x: number, y: number) => number>>> = {
  iadd: (x, y) => (x + y) | 0,
  isub: (x, y) => (x - y) | 0,
  imul: Math.imul,
  iand: (x, y) => x & y,
  ishl: (x, y) => x << y,
  ishrs: (x, y) => x >> y,
  band: (x, y) => x & y,
  bor: (x, y) => x | y,
  ieq: (x, y) => (x === y ? 1 : 0),
}

export const emitter = (params: number): Emitter => {
  const names: WasmType[] = []
  const open: Level[] = [{ code: [], known: new Map(), branches: new Map() }]
  const here = (): number => open.length - 1

  const fresh = (type: Type, lanes: boolean): number => {
    names.push(wasmType(type, lanes))
    return params + names.length - 1
  }
  const emit = (level: number, bytes: readonly number[]): void => {
    const { code: out } = open[level]!
    for (let i = 0; i < bytes.length; i++) out.push(bytes[i]!)
  }
  /** An instruction on a parameter, or on a name that becomes a local in the end. */
  const emitLocal = (level: number, opcode: number, local: number): void => {
    const { code: out } = open[level]!
    out.push(opcode)
    if (local >= params) out.push(nameToken(local - params))
    else emit(level, unsigned(local))
  }
  const push = (level: number, x: Val): void => {
    if (x.value === null) emitLocal(level, code.localGet, x.local)
    else if (x.type === 'f32') emit(level, [...code.f32Const, ...f32Bytes(x.value)])
    else if (x.type === 'f64') emit(level, [...code.f64Const, ...f64Bytes(x.value)])
    else emit(level, [...code.i32Const, ...signed(x.value)])
  }
  const result = (
    level: number,
    bytes: readonly number[],
    operands: readonly Val[],
    type: Type,
    lanes: boolean,
  ): Val => {
    for (const x of operands) push(level, x)
    const local = fresh(type, lanes)
    emit(level, bytes)
    emitLocal(level, code.localSet, local)
    return { type, lanes, level, id: `l${local}`, local, value: null }
  }
  const pure: Emitter['pure'] = (bytes, operands, type, lanes) => {
    let level = 0
    let key = type + String.fromCharCode(...bytes)
    for (const x of operands) {
      if (x.level > level) level = x.level
      key += x.id
    }
    const known = open[level]!.known.get(key)
    if (known !== undefined) return known
    const value = result(level, bytes, operands, type, lanes)
    open[level]!.known.set(key, value)
    return value
  }
  const constant: Emitter['constant'] = (type, value) => ({
    type,
    lanes: false,
    level: 0,
    id: `${type}:${Object.is(value, -0) ? '-0' : value}`,
    local: -1,
    value,
  })
  const vector: Emitter['vector'] = (type, values) => {
    const key = `${type}[${values.map((v) => (Object.is(v, -0) ? '-0' : v)).join()}]`
    const known = open[0]!.known.get(key)
    if (known !== undefined) return known
    const element = type === 'f32' ? f32Bytes : type === 'bool' ? (v: number) => i32Bytes(-v) : i32Bytes
    const made = result(0, [...code.v128Const, ...values.flatMap(element)], [], type, true)
    open[0]!.known.set(key, made)
    return made
  }
  const splat: Emitter['splat'] = (x) => {
    if (x.lanes) return x
    if (x.type === 'f64') return pure(code.f64x2Splat, [x], 'f64', true)
    if (x.value !== null) return vector(x.type, [x.value, x.value, x.value, x.value])
    if (x.type === 'f32') return pure(code.f32x4Splat, [x], 'f32', true)
    return pure(code.i32x4Splat, [x.type === 'bool' ? op('isub', constant('i32', 0), x) : x], x.type, true)
  }
  const op: Emitter['op'] = (name, ...operands) => {
    const { scalar, lanes, result: type } = instructions[name]
    if (operands.some((x) => x.lanes)) {
      const isShift = name === 'ishl' || name === 'ishrs' || name === 'ishru'
      return pure(lanes, isShift ? [operands[0]!, operands[1]!] : operands.map(splat), type, true)
    }
    const [x, y] = operands
    const fold = folded[name]
    if (fold !== undefined && x !== undefined && y !== undefined) {
      if (x.value !== null && y.value !== null) return constant(type, fold(x.value, y.value))
      if (y.value === 0 && (name === 'iadd' || name === 'isub' || name === 'bor')) return x
      if (x.value === 0 && (name === 'iadd' || name === 'bor')) return y
      if (y.value === 1 && (name === 'imul' || name === 'band')) return x
      if (x.value === 1 && (name === 'imul' || name === 'band')) return y
    }
    return pure(scalar, operands, type, false)
  }
  const read: Emitter['read'] = (v) => ({
    type: v.type,
    lanes: v.lanes,
    level: here(),
    id: `v${v.local}.${v.version}`,
    local: v.local,
    value: null,
  })
  const assign: Emitter['assign'] = (v, x) => {
    push(here(), x)
    emitLocal(here(), code.localSet, v.local)
    v.version++
  }
  const variable: Emitter['variable'] = (type, lanes) => ({ type, lanes, local: fresh(type, lanes), version: 0 })
  /** Emits the body at a level of its own, wrapped in an opening and a closing. */
  const nested = (before: readonly number[], body: () => void, after: () => void): void => {
    open.push({ code: [], known: new Map(), branches: new Map() })
    body()
    after()
    const inner = open.pop()!
    const isLoop = before === code.loop
    if (isLoop) emit(here(), [LOOP_BEGINS])
    emit(here(), before)
    emit(here(), inner.code)
    emit(here(), code.end)
    if (isLoop) emit(here(), [LOOP_ENDS])
  }
  const when: Emitter['when'] = (condition, body) => {
    if (condition.value !== null) {
      if (condition.value !== 0) body()
      return
    }
    push(here(), condition) // stays on the stack below what the body hoists to this level, which is balanced
    nested(code.if, body, () => undefined)
  }
  const rarely: Emitter['rarely'] = (name, condition, operands, common, rare) => {
    const all = [condition, ...operands, ...common]
    const level = all.reduce((most, x) => Math.max(most, x.level), 0)
    const key = `${name}(${all.map((x) => x.id).join()})`
    const known = open[level]!.branches.get(key)
    if (known !== undefined) return known
    const inside = open.splice(level + 1) // what is open further in goes on after the branch
    const lanes = condition.lanes
    const hold = (x: Val): Variable => {
      const held = variable(x.type, x.lanes || lanes)
      assign(held, held.lanes ? splat(x) : x)
      return held
    }
    // Operands are read anew, at the level of the branch, so that nothing made of them is moved out of it.
    const [given, results] = [operands.map(hold), common.map(hold)]
    const chosen = hold(condition)
    when(lanes ? pure(code.v128AnyTrue, [condition], 'bool', false) : condition, () => {
      rare(given.map(read)).forEach((x, i) => {
        const result = results[i]!
        assign(
          result,
          result.lanes
            ? pure(code.bitselect, [splat(x), read(result), read(chosen)], result.type, true)
            : pure(code.select, [x, read(result), read(chosen)], result.type, false),
        )
      })
    })
    const values = results.map(read)
    open.push(...inside)
    open[level]!.branches.set(key, values)
    return values
  }
  const repeat: Emitter['repeat'] = (body) => {
    let again = constant('bool', 0)
    nested(
      code.loop,
      () => {
        again = body()
      },
      () => {
        push(here(), again)
        emit(here(), [...code.brIf, 0])
      },
    )
  }
  const loop: Emitter['loop'] = (start, end, body) => {
    const from = typeof start === 'number' ? constant('i32', start) : start
    const to = typeof end === 'number' ? constant('i32', end) : end
    if (from.value !== null && to.value !== null) {
      if (from.value >= to.value) return
      if (to.value - from.value === 1) {
        body(from)
        return
      }
    }
    const i = variable('i32', false)
    const run = (): void => {
      assign(i, from)
      repeat(() => {
        const now = read(i)
        body(now)
        const next = op('iadd', now, constant('i32', 1))
        assign(i, next)
        return op('ilts', next, to)
      })
    }
    if (from.value !== null && to.value !== null) run()
    else when(op('ilts', from, to), run)
  }
  return {
    param: (index) => ({ type: 'i32', lanes: false, level: 0, id: `p${index}`, local: index, value: null }),
    constant,
    vector,
    op,
    pure,
    pinned: (bytes, operands, type, lanes) => result(here(), bytes, operands, type, lanes),
    effect: (bytes, operands) => {
      for (const x of operands) push(here(), x)
      emit(here(), bytes)
    },
    splat,
    variable,
    read,
    assign,
    loop,
    repeat,
    when,
    rarely,
    finish: () => ({ params, ...allocateLocals([...open[0]!.code, ...code.end], names, params) }),
  }
}
