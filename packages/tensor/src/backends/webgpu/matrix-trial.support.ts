/**
 * Subgroup matrices where there are none: the text of a shader with each of their operations as a function over arrays, on an adapter
 * with subgroups and f16. What is tested so is the text itself but for the operations' names: its
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

/** Kind, columns and rows of a type's text, `subgroup_matrix_left<f16, 16, 8>`. */
const TYPE = String.raw`subgroup_matrix_(left|right|result)<(?:f16|f32), (\d+), (\d+)>`

/** Where a row or column of a matrix begins in memory, and how far apart they are: to the start, and close together, out of bounds. */
const bounded = (columns: number, rows: number, major: string, length: number): string => {
  const [lines, each] = major === 'row_major' ? [rows, columns] : [columns, rows]
  const inside = `at + stride * ${lines - 1}i + ${each}i <= ${length}i`
  return `vec2i(select(0i, at, ${inside}), select(${each}i, stride, ${inside}))`
}

/**
 * The text with functions in place of the operations. An operand is where it begins and how far apart its rows or columns are; a
 * result is held by the lanes of the subgroup, each every `subgroup`-th element.
 */
export const emulated = (source: string, subgroup: number): string => {
  const only = <T>(found: readonly T[], what: string): T => {
    if (new Set(found.map(String)).size !== 1)
      throw new Error(`one ${what} was expected, there are: ${found.join(', ')}`)
    return found[0]!
  }
  const sizeOf = (kind: string): readonly [number, number] =>
    only(
      [...source.matchAll(new RegExp(TYPE, 'g'))].flatMap(([, found, columns, rows]) =>
        found === kind ? [[Number(columns), Number(rows)] as const] : [],
      ),
      `type of a ${kind} matrix`,
    )
  const lengthOf = (name: string): number =>
    Number(new RegExp(String.raw`var<workgroup> ${name}: array<\w+, (\d+)>`).exec(source)![1])
  const [n, m] = sizeOf('result')
  const [k] = sizeOf('left')
  const operand = (kind: string): string => {
    const loads = [...source.matchAll(new RegExp(`subgroupMatrixLoad<${TYPE}, (\\w+)>\\(&(\\w+)`, 'g'))]
    const [columns, rows] = sizeOf(kind)
    const [major, name] = only(
      loads.flatMap(([, found, , , major, name]) => (found === kind ? [[major!, name!] as const] : [])),
      `way to load a ${kind} matrix`,
    )
    const place = major === 'row_major' ? 'x.x + row * x.y + column' : 'x.x + column * x.y + row'
    return (
      `fn load_${kind}(at: i32, stride: i32) -> vec2i { return ${bounded(columns, rows, major, lengthOf(name))}; }\n` +
      `fn ${kind}_at(x: vec2i, row: i32, column: i32) -> f32 { return f32(${name}[${place}]); }\n`
    )
  }
  const [, major, strips] = /subgroupMatrixStore<(\w+)>\(&(\w+)/.exec(source)!
  // Bounds that a compiler does not know: it would unroll all of it.
  const each = `for (var e = 0i; e < ${(m * n) / subgroup}i + opaque; e += 1i) {\n    let p = e * ${subgroup}i + own_lane;\n`
  const functions =
    'var<private> own_lane: i32;\nvar<private> opaque: i32;\n' +
    `alias result_matrix = array<f32, ${(m * n) / subgroup}>;\n${operand('left')}${operand('right')}` +
    'fn multiply(x: vec2i, y: vec2i, sums: result_matrix) -> result_matrix {\n  var result = sums;\n' +
    `  ${each}    var sum = result[e];\n    for (var q = 0i; q < ${k}i + opaque; q += 1i) {\n` +
    `      sum = fma(left_at(x, p / ${n}i, q), right_at(y, q, p % ${n}i), sum);\n    }\n` +
    '    result[e] = sum;\n  }\n  return result;\n}\n' +
    'fn store(at: i32, stored: result_matrix, stride: i32) {\n  var values = stored;\n' +
    `  let x = ${bounded(n, m, major!, lengthOf(strips!))};\n` +
    `  ${each}    ${strips}[x.x + ${major === 'row_major' ? `p / ${n}i * x.y + p % ${n}i` : `p % ${n}i * x.y + p / ${n}i`}] = values[e];\n  }\n}\n`
  const text = source
    .replace('enable chromium_experimental_subgroup_matrix;\n', '')
    .replaceAll(new RegExp(`subgroupMatrixLoad<${TYPE}, \\w+>\\(&\\w+, `, 'g'), 'load_$1(')
    .replaceAll(/subgroupMatrixStore<\w+>\(&\w+, /g, 'store(')
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiply(')
    .replaceAll(new RegExp(TYPE, 'g'), '$1_matrix')
    .replace('@builtin(workgroup_id)', '@builtin(subgroup_invocation_id) number: u32, @builtin(workgroup_id)')
    .replace(/(fn main\(.*\n)/, '$1  own_lane = i32(number);\n  opaque = i32(workgroup.z);\n')
  if (/subgroup_?[mM]atrix/.test(text)) throw new Error(`an operation is left that is not emulated:\n${text}`)
  return text + functions
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
  const gpu = compiling(real, (text) => emulated(text, subgroup))
  const compiled = pipelines(gpu)
  return {
    subgroup,
    memory,
    gpu: (spoiled = (text) => text) => compiling(real, (text) => spoiled(emulated(text, subgroup))),
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
