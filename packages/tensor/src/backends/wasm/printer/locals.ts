/**
 * Locals of a function: every value of the emitter is a name of its own; here names whose lives do not overlap share a
 * local, since an engine takes 50,000 at most, and its baseline compiler keeps each in memory.
 *
 *     t1 = load x    t2 = t1 t1    t3 = exp t2    t4 = t3 + t1    store t4
 *
 * has four names. t2 is last read where t3 is made, so t3 may take its local, and t4 that of t3 or of t1: two locals do. A
 * name that a loop reads and that was made before it lives until the loop ends, since the next round reads it again.
 */
import { unsigned, type WasmType } from './encode.ts'

/**
 * Code in the making: bytes, with names and the bounds of loops between them. A name is negative; a loop's bounds are
 * beyond any byte.
 */
export const nameToken = (name: number): number => -1 - name
export const LOOP_BEGINS = 0x100
export const LOOP_ENDS = 0x101

interface Lives {
  readonly first: Int32Array
  readonly last: Int32Array
}
/** Where each name is first and last needed. What is made before a loop and used in it lives to the loop's end. */
const livesOf = (tokens: readonly number[], names: number): Lives => {
  const first = new Int32Array(names).fill(-1)
  const last = new Int32Array(names).fill(-1)
  const loops: { readonly start: number; readonly uses: Set<number> }[] = []
  tokens.forEach((token, at) => {
    if (token < 0) {
      const name = -1 - token
      if (first[name] === -1) first[name] = at
      last[name] = at
      loops.at(-1)?.uses.add(name)
    } else if (token === LOOP_BEGINS) loops.push({ start: at, uses: new Set() })
    else if (token === LOOP_ENDS) {
      const { start, uses } = loops.pop()!
      for (const name of uses) {
        if (first[name]! > start) continue
        last[name] = at
        loops.at(-1)?.uses.add(name)
      }
    }
  })
  return { first, last }
}

/** The code with locals for names, numbered after the parameters, and the locals' types. */
export const allocateLocals = (
  tokens: readonly number[],
  types: readonly WasmType[],
  params: number,
): { readonly body: readonly number[]; readonly locals: readonly WasmType[] } => {
  const { first, last } = livesOf(tokens, types.length)
  const free: Record<WasmType, number[]> = { i32: [], f32: [], f64: [], v128: [] }
  const count: Record<WasmType, number> = { i32: 0, f32: 0, f64: 0, v128: 0 }
  const slot = new Int32Array(types.length)
  const endsAt = new Map<number, number[]>()
  const release = (name: number): void => {
    free[types[name]!].push(slot[name]!)
  }
  tokens.forEach((token, at) => {
    if (token < 0) {
      const name = -1 - token
      if (first[name] === at) {
        const type = types[name]!
        slot[name] = free[type].pop() ?? count[type]++
        const end = last[name]!
        if (tokens[end] === LOOP_ENDS) endsAt.set(end, [...(endsAt.get(end) ?? []), name])
      }
      if (last[name] === at) release(name)
    } else if (token === LOOP_ENDS) endsAt.get(at)?.forEach(release)
  })

  const order: readonly WasmType[] = ['i32', 'f32', 'f64', 'v128']
  const base = { i32: params, f32: 0, f64: 0, v128: 0 }
  base.f32 = base.i32 + count.i32
  base.f64 = base.f32 + count.f32
  base.v128 = base.f64 + count.f64
  const body: number[] = []
  for (const token of tokens) {
    if (token < 0) for (const byte of unsigned(base[types[-1 - token]!] + slot[-1 - token]!)) body.push(byte)
    else if (token < LOOP_BEGINS) body.push(token)
  }
  return { body, locals: order.flatMap((type) => Array<WasmType>(count[type]).fill(type)) }
}
