/** Trying kernels one at a time: short ways to write them, to run them by themselves, and to compare with the interpreter. */
import * as E from '../../base/either.ts'
import { interpret } from '../../loops/interpret.ts'
import type { Axis, Ix } from '../../loops/ix.ts'
import type { Kernel, KernelBuffer, LoopKernel, Store } from '../../loops/kernel.ts'
import type { Scalar } from '../../loops/scalar.ts'
import { type DType, dtypes, type HostArray } from '../../base/dtype.ts'
import type { Aval } from '../../graph/expr.ts'
import type { Program, ProgramBuffer } from '../../loops/program.ts'
import { captureSite } from '../../base/site.ts'
import { type Device, DeviceFailure, type Executable } from '../../graph/device.ts'
import type { WebgpuDevice, WebgpuOptions } from './face.ts'
import { webgpuDevice } from './open.ts'

/** A device, or a rejection with DeviceFailure. */
export const openWebgpu = async (options: WebgpuOptions = {}): Promise<WebgpuDevice> => {
  const opened = await webgpuDevice(options)()
  if (E.isLeft(opened)) throw new DeviceFailure(opened.left)
  return opened.right
}

const avalOf = ({ dtype, size }: KernelBuffer): Aval => ({ shape: [size], dtype })

/** A program of one kernel: buffers it only reads are inputs, those it only writes are outputs, the rest donated inputs. */
export const singleKernel = (kernel: Kernel): Program => {
  const inputs = kernel.buffers.flatMap((b, i) => (b.read ? [i] : []))
  const buffers = kernel.buffers.map((b, i): ProgramBuffer => ({
    source: b.read ? { kind: 'input', index: inputs.indexOf(i) } : { kind: 'output' },
    bytes: Math.max(1, b.size) * dtypes[b.dtype].bytes,
  }))
  return {
    inputs: inputs.map((i) => avalOf(kernel.buffers[i]!)),
    donated: inputs.map((i) => kernel.buffers[i]!.write),
    buffers,
    told: null,
    slabs: [],
    live: 0,
    steps: [{ kind: 'kernel', kernel, buffers: kernel.buffers.map((_, i) => i), site: captureSite() }],
    outputs: kernel.buffers.flatMap((b, i) => (b.write ? [{ buffer: i, aval: avalOf(b) }] : [])),
  }
}

/** Device memory, one list of numbers a buffer. */
export type Values = readonly (readonly number[])[]

const hostOf = (dtype: DType, values: readonly number[]): HostArray => {
  const host = dtypes[dtype].allocate(values.length)
  host.set(values)
  return host
}

/** What the kernel makes of its inputs, on the device and by the interpreter: one list a written buffer. */
export const tryKernel = async (
  device: Device & { readonly load: (program: Program) => Executable },
  kernel: Kernel,
  inputs: Values,
): Promise<{ readonly actual: Values; readonly expected: Values }> => {
  const program = singleKernel(kernel)
  const hosts = program.inputs.map((aval, i) => hostOf(aval.dtype, inputs[i]!))
  let next = 0
  const arrays = kernel.buffers.map((b) => (b.read ? Float64Array.from(hosts[next++]!) : new Float64Array(b.size)))
  interpret(kernel, arrays)
  const expected = kernel.buffers.flatMap((b, i) => (b.write ? [Array.from(arrays[i]!)] : []))
  const results = device.load(program).run(program.inputs.map((aval, i) => device.upload(hosts[i]!, aval)))
  const actual: number[][] = []
  for (const r of results) {
    const read = await device.download(r)()
    if (E.isLeft(read)) throw new DeviceFailure(read.left)
    actual.push(Array.from(read.right))
  }
  return { actual, expected }
}

/** NaN equals NaN; an f32 equals the double it is nearest to. */
export const near = (x: number, y: number, relative = 1e-5, absolute = 1e-5): boolean =>
  Object.is(x, y) || x === y || x === Math.fround(y) || Math.abs(x - y) <= absolute + relative * Math.abs(y)

/** Where the two differ, in words. */
export const differences = (actual: Values, expected: Values): readonly string[] =>
  expected.flatMap((e, b) =>
    e.flatMap((v, i) => (near(actual[b]![i]!, v) ? [] : [`buffer ${b} [${i}] is ${actual[b]![i]}, not ${v}`])),
  )

export const into = (dtype: DType, size: number): KernelBuffer => ({ dtype, size, read: true, write: false })
export const out = (dtype: DType, size: number): KernelBuffer => ({ dtype, size, read: false, write: true })
let axes = 0
/** A fresh axis. */
export const axis = (extent: number): Axis => ({ id: axes++, extent })
export const store = (buffer: number, at: Ix, value: Scalar, scope: Store['scope'] = 'row'): Store => ({
  buffer,
  at,
  value,
  scope,
  mode: 'set',
})
export const loop = (parts: Partial<LoopKernel> & Pick<LoopKernel, 'buffers' | 'rows' | 'stores'>): LoopKernel => ({
  kind: 'loop',
  name: 'loop',
  cols: [],
  reductions: [],
  ...parts,
})
/** Numbers that look like data, the same each time. */
export const sequence = (n: number, f: (i: number) => number = (i) => Math.sin(i * 1.7) * 2): number[] =>
  Array.from({ length: n }, (_, i) => f(i))
