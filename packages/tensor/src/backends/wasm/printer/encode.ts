/** The binary format of WebAssembly, as far as kernels need it: LEB128 numbers, sections, one memory, exported functions. */

export type WasmType = 'i32' | 'f32' | 'f64' | 'v128'
const typeCode: Readonly<Record<WasmType, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b }

/** Unsigned LEB128. */
export const unsigned = (value: number): number[] => {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest === 0 ? low : low | 0x80)
  } while (rest !== 0)
  return bytes
}

/** Signed LEB128 of a 32-bit integer. */
export const signed = (value: number): number[] => {
  const bytes: number[] = []
  let rest = value | 0
  for (;;) {
    const low = rest & 0x7f
    rest >>= 7
    const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)
    bytes.push(done ? low : low | 0x80)
    if (done) return bytes
  }
}

export const f32Bytes = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)]
export const f64Bytes = (value: number): number[] => [...new Uint8Array(Float64Array.of(value).buffer)]
export const i32Bytes = (value: number): number[] => [...new Uint8Array(Int32Array.of(value).buffer)]

/** A function without results: its parameters are i32, its body ends with the `end` opcode. */
export interface WasmFunction {
  readonly params: number
  readonly locals: readonly WasmType[]
  readonly body: readonly number[]
}

/** What of a function comes before its body in the code section. */
const functionHead = ({ locals, body }: WasmFunction): readonly number[] => {
  const runs: { readonly type: WasmType; count: number }[] = []
  for (const type of locals) {
    const last = runs.at(-1)
    if (last?.type === type) last.count++
    else runs.push({ type, count: 1 })
  }
  const declared = runs.flatMap(({ type, count }) => [...unsigned(count), typeCode[type]])
  const head = [...unsigned(runs.length), ...declared]
  return [...unsigned(head.length + body.length), ...head]
}

const text = (s: string): number[] => [...unsigned(s.length), ...new TextEncoder().encode(s)]
const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()]
const section = (id: number, content: readonly number[]): number[] => [id, ...unsigned(content.length), ...content]

const MAX_PAGES = 65536

export interface ModuleOptions {
  /** Whether the imported memory is shared between threads. */
  readonly shared: boolean
}

/** A module that imports `env.memory` and exports its functions as "0", "1", ... */
export const encodeModule = (
  functions: readonly WasmFunction[],
  { shared }: ModuleOptions,
): Uint8Array<ArrayBuffer> => {
  const arities = [...new Set(functions.map((f) => f.params))]
  const types = arities.map((n) => [0x60, ...unsigned(n), ...Array<number>(n).fill(typeCode.i32), 0])
  const limits = shared
    ? [0x03, ...unsigned(1), ...unsigned(MAX_PAGES)]
    : [0x01, ...unsigned(1), ...unsigned(MAX_PAGES)]
  const memory = [...text('env'), ...text('memory'), 0x02, ...limits]
  // The code is nearly all of it: its bytes are moved once.
  const code = functions.flatMap((f) => [functionHead(f), f.body])
  const codeBytes = code.reduce((n, part) => n + part.length, 0)
  return joined([
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    section(1, vector(types)),
    section(2, vector([memory])),
    section(3, vector(functions.map((f) => unsigned(arities.indexOf(f.params))))),
    section(7, vector(functions.map((_, i) => [...text(String(i)), 0x00, ...unsigned(i)]))),
    [10, ...unsigned(unsigned(functions.length).length + codeBytes), ...unsigned(functions.length)],
    ...code,
  ])
}

const joined = (parts: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(parts.reduce((n, part) => n + part.length, 0))
  let next = 0
  for (const part of parts) {
    bytes.set(part, next)
    next += part.length
  }
  return bytes
}
