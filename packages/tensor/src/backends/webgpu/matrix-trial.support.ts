/**
 * Subgroup matrices where there are none: the text of a shader with each of their operations as a function over arrays, all of which
 * every lane computes, on an adapter with subgroups and f16. What is tested so is the text itself but for the operations' names: its
 * offsets, strides, orders, edges and barriers. A load or store out of bounds does what Tint makes of one: it is moved to the start.
 */
import { interpret } from '../../loops/interpret.ts'
import type { DotKernel } from '../../loops/kernel.ts'
import { isHalf, packHalves, unpackHalves } from '../../base/rounding.ts'
import { findAdapter } from './adapter.ts'
import { patiently, usage } from './gpu.ts'
import { pipelines } from './pipelines.ts'
import type { Shader } from './printer/index.ts'
import type { Values } from './kernel-trial.support.ts'

/** Columns and rows of a type's text, `subgroup_matrix_left<f16, 16, 8>`. */
const TYPE = String.raw`subgroup_matrix_(left|right|result)<(f16|f32), (\d+), (\d+)>`

/** The text with functions in place of the operations. */
export const emulated = (source: string): string => {
  const types = new Map<string, string>()
  const functions = new Map<string, string>()
  const arrayOf = (kind: string, type: string, columns: number, rows: number): string => {
    types.set(kind, `alias ${kind}_matrix = array<${type}, ${columns * rows}>;\n`)
    return `${kind}_matrix`
  }
  /** Walks a matrix in memory, each element at `place`. */
  const walk = (columns: number, rows: number, major: string, name: string, each: string): string =>
    `  let end = at + stride * ${(major === 'row_major' ? rows : columns) - 1}i + ${major === 'row_major' ? columns : rows}i;\n` +
    `  let inside = end <= i32(arrayLength_${name});\n` +
    `  let origin = select(0i, at, inside);\n  let apart = select(${major === 'row_major' ? columns : rows}i, stride, inside);\n` +
    `  for (var r = 0i; r < ${rows}i; r += 1i) { for (var c = 0i; c < ${columns}i; c += 1i) {\n` +
    `    let place = origin + ${major === 'row_major' ? 'r * apart + c' : 'c * apart + r'};\n    ${each}\n  } }\n`
  const lengths = new Map<string, string>()
  for (const [, name, size] of source.matchAll(/var<workgroup> (\w+): array<\w+, (\d+)>/g)) lengths.set(name!, size!)
  const sized = (text: string): string => text.replaceAll(/arrayLength_(\w+)/g, (_, name: string) => lengths.get(name)!)

  const sizes = new Map<string, readonly [number, number]>()
  let text = source.replaceAll(
    new RegExp(`subgroupMatrixLoad<${TYPE}, (row_major|col_major)>\\(&(\\w+), `, 'g'),
    (_, kind: string, type: string, columns: string, rows: string, major: string, name: string) => {
      const [w, h] = [Number(columns), Number(rows)]
      const matrix = arrayOf(kind, type, w, h)
      sizes.set(kind, [w, h])
      const f = `load_${kind}_${name}_${major}`
      functions.set(
        f,
        `fn ${f}(at: i32, stride: i32) -> ${matrix} {\n  var loaded: ${matrix};\n` +
          `${sized(walk(w, h, major, name, `loaded[r * ${w}i + c] = ${name}[place];`))}  return loaded;\n}\n`,
      )
      return `${f}(`
    },
  )
  text = text.replaceAll(new RegExp(TYPE, 'g'), (_, kind: string, type: string, columns: string, rows: string) => {
    sizes.set(kind, [Number(columns), Number(rows)])
    return arrayOf(kind, type, Number(columns), Number(rows))
  })
  const [n, m] = sizes.get('result')!
  const [k] = sizes.get('left')!
  text = text.replaceAll(/subgroupMatrixStore<(row_major|col_major)>\(&(\w+), /g, (_, major: string, name: string) => {
    const f = `store_${name}_${major}`
    functions.set(
      f,
      `fn ${f}(at: i32, stored: result_matrix, stride: i32) {\n` +
        `${sized(walk(n, m, major, name, `${name}[place] = stored[r * ${n}i + c];`))}}\n`,
    )
    return `${f}(`
  })
  functions.set(
    'multiply',
    `fn multiply(x: left_matrix, y: right_matrix, sums: result_matrix) -> result_matrix {\n  var result = sums;\n` +
      `  for (var r = 0i; r < ${m}i; r += 1i) { for (var c = 0i; c < ${n}i; c += 1i) {\n` +
      `    var sum = result[r * ${n}i + c];\n` +
      `    for (var q = 0i; q < ${k}i; q += 1i) { sum = fma(f32(x[r * ${k}i + q]), f32(y[q * ${n}i + c]), sum); }\n` +
      `    result[r * ${n}i + c] = sum;\n  } }\n  return result;\n}\n`,
  )
  text = text.replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiply(')
  const enabled = text.replace('enable chromium_experimental_subgroup_matrix;\n', '')
  if (/subgroup_?[mM]atrix/.test(enabled)) throw new Error(`an operation is left that is not emulated:\n${enabled}`)
  return enabled + [...types.values(), ...functions.values()].join('')
}

/** A device that compiles each text as `change` makes it. */
const compiling = (gpu: GPUDevice, change: (text: string) => string): GPUDevice =>
  new Proxy(gpu, {
    get: (target, key) => {
      if (key === 'createShaderModule')
        return (descriptor: GPUShaderModuleDescriptor) =>
          target.createShaderModule({ ...descriptor, code: change(descriptor.code) })
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })

export interface Emulator {
  /** A device that has them, as it seems. `spoiled`: what is done to the text besides. */
  readonly gpu: (spoiled?: (text: string) => string) => GPUDevice
  readonly run: (shader: Shader, kernel: DotKernel, inputs: Values) => Promise<Values>
  readonly subgroup: number
  readonly memory: number
  readonly close: () => void
}

/** An adapter for such shaders; null where it has no subgroups of one size, or no f16. */
export const openEmulator = async (): Promise<Emulator | null> => {
  const adapter = await findAdapter({})
  const { info, features, limits } = adapter
  const subgroup = info.subgroupMinSize ?? 0
  if (!features.has('subgroups') || !features.has('shader-f16') || subgroup !== info.subgroupMaxSize) return null
  const memory = limits.maxComputeWorkgroupStorageSize
  const real = await patiently(() =>
    adapter.requestDevice({
      requiredFeatures: ['subgroups', 'shader-f16'],
      requiredLimits: { maxComputeWorkgroupStorageSize: memory },
    }),
  )
  const gpu = compiling(real, emulated)
  const compiled = pipelines(gpu)
  return {
    subgroup,
    memory,
    gpu: (spoiled = (text) => text) => compiling(real, (text) => spoiled(emulated(text))),
    close: () => real.destroy(),
    run: async (shader, kernel, inputs) => {
      const access = kernel.buffers.map((b) => (b.write ? 'w' : 'r')).join('')
      const pipeline = compiled.of(shader, access, 'emulated')
      const complaint = await pipeline.ready
      if (complaint !== null) throw new Error(complaint)
      let next = 0
      const buffers = kernel.buffers.map(({ dtype, size, read }) => {
        const values = read ? inputs[next++]! : Array<number>(size).fill(7)
        const words = isHalf(dtype)
          ? packHalves(dtype, values, new Uint16Array(2 * Math.ceil(Math.max(1, size) / 2)))
          : Float32Array.from(size === 0 ? [0] : values)
        const buffer = gpu.createBuffer({
          size: words.byteLength,
          usage: usage.storage | usage.copyTo | usage.copyFrom,
        })
        gpu.queue.writeBuffer(buffer, 0, words)
        return buffer
      })
      const encoder = gpu.createCommandEncoder()
      if (!shader.workgroups.includes(0)) {
        const pass = encoder.beginComputePass()
        pass.setPipeline(pipeline.compiled!)
        const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }))
        pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.layout, entries }))
        pass.dispatchWorkgroups(...shader.workgroups)
        pass.end()
      }
      const written = kernel.buffers.flatMap((b, i) => (b.write ? [{ ...b, from: buffers[i]! }] : []))
      const staging = written.map(({ from }) => {
        const to = gpu.createBuffer({ size: from.size, usage: usage.mapRead | usage.copyTo })
        encoder.copyBufferToBuffer(from, 0, to, 0, from.size)
        return to
      })
      gpu.queue.submit([encoder.finish()])
      const results: number[][] = []
      for (const [i, buffer] of staging.entries()) {
        await patiently(() => buffer.mapAsync(1))
        const { dtype, size } = written[i]!
        const bytes = buffer.getMappedRange()
        const values = isHalf(dtype)
          ? unpackHalves(dtype, new Uint16Array(bytes, 0, size))
          : new Float32Array(bytes, 0, size)
        results.push([...values])
      }
      ;[...buffers, ...staging].forEach((buffer) => buffer.destroy())
      return results
    },
  }
}

/** What the interpreter makes of the same. */
export const interpreted = (kernel: DotKernel, inputs: Values): Values => {
  let next = 0
  const arrays = kernel.buffers.map((b) =>
    b.read ? Float64Array.from(inputs[next++]!) : new Float64Array(b.size).fill(7),
  )
  interpret(kernel, arrays)
  return kernel.buffers.flatMap((b, i) => (b.write ? [[...arrays[i]!]] : []))
}
