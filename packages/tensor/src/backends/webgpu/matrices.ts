/**
 * Subgroup matrices of an adapter: whether it has them, and whether they multiply. They are no standard yet: Dawn has them behind
 * options, of which one lets programs use what is not proven safe, and NVIDIA's f16 is off without another. So an adapter is looked
 * for as ever first, and once more with these options; where it has no subgroup matrices even then, it is as if nobody had looked.
 * What a device has stands in its `tuning`.
 */
import { packHalves } from '../../base/rounding.ts'
import * as I from '../../loops/ix.ts'
import type { Axis } from '../../loops/ix.ts'
import type { DotKernel } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import { deviceOf, findAdapter, MATRIX_FEATURES, report } from './adapter.ts'
import type { AdapterOptions } from './face.ts'
import { fromBrowser, MAP_READ, patiently, usage } from './gpu.ts'
import { pipelines } from './pipelines.ts'
import { hardwareTuning, type Matrices, type MatrixConfig, matricesOf, printDot } from './printer/index.ts'

/**
 * What an adapter offers with them, subgroup matrices included; the memory model is that of all its shaders then. A list of the reader's own
 * takes their place.
 */
const OPTIONS = 'enable-dawn-features=allow_unsafe_apis,use_vulkan_memory_model,vulkan_enable_f16_on_nvidia'

const has = ({ features }: GPUAdapter): boolean => MATRIX_FEATURES.every((feature) => features.has(feature))

/** The adapter as one with subgroup matrices; null where it has none. */
const findMatrices = async (plain: GPUAdapter, options: AdapterOptions): Promise<GPUAdapter | null> => {
  if (has(plain)) return plain
  const { dawn = [] } = options
  if (fromBrowser() !== undefined || dawn.some((option) => option.startsWith('enable-dawn-features='))) return null
  const again = await findAdapter({ ...options, dawn: [...dawn, OPTIONS] })
  return has(again) && report(again).label === report(plain).label ? again : null
}

const isConfig = (x: unknown): x is MatrixConfig =>
  typeof x === 'object' &&
  x !== null &&
  ['componentType', 'resultComponentType'].every((key) => typeof Reflect.get(x, key) === 'string') &&
  ['M', 'N', 'K'].every((key) => typeof Reflect.get(x, key) === 'number')

/** What of an adapter tells which subgroup matrices it has. */
interface Offering {
  readonly info: Pick<GPUAdapterInfo, 'subgroupMinSize' | 'subgroupMaxSize'>
  readonly limits: Pick<GPUSupportedLimits, 'maxComputeWorkgroupStorageSize'>
}

/** The subgroup matrices that an adapter says it has, of f16 with sums in f32; null where there are none that products can use. */
export const matricesOffered = ({ info, limits }: Offering): Matrices | null => {
  const configs: unknown = Reflect.get(info, 'subgroupMatrixConfigs')
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info
  return matricesOf({
    configs: Array.isArray(configs) ? configs.filter(isConfig) : [],
    ...{ subgroupMinSize, subgroupMaxSize, memory: limits.maxComputeWorkgroupStorageSize },
  })
}

/** A product with an edge on every side, of whole numbers, whose sums f16 would round. */
const trial = ({ m, n, k }: Matrices): { readonly kernel: DotKernel; readonly a: number[]; readonly b: number[] } => {
  const [M, N, K] = [m + 1, n + 2, 2 * k + 2].map((extent, id) => ({ id, extent })) as [Axis, Axis, Axis]
  const flat = (x: Axis, y: Axis): I.Ix => I.flatten([I.ofAxis(x), I.ofAxis(y)], [x.extent, y.extent])
  const sizes = [M.extent * K.extent, K.extent * N.extent, M.extent * N.extent]
  const numbers = (size: number, f: (i: number) => number): number[] => Array.from({ length: size }, (_, i) => f(i))
  const kernel: DotKernel = {
    kind: 'dot',
    name: 'subgroup matrices',
    buffers: sizes.map((size, i) => ({ dtype: i < 2 ? 'f16' : 'f32', size, read: i < 2, write: i === 2 })),
    ...{ batch: [], m: M, n: N, k: K, reductions: [] },
    a: S.load(0, flat(M, K), 'f16'),
    b: S.load(1, flat(K, N), 'f16'),
    stores: [{ buffer: 2, at: flat(M, N), value: S.reduced(0, 'f32'), scope: 'full', mode: 'set' }],
  }
  return {
    kernel,
    a: numbers(sizes[0]!, (i) => ((i * 7) % 9) - 4),
    b: numbers(sizes[1]!, (i) => (((i * 5) % 11) - 5) * (i % 3 === 0 ? 512 : 1)),
  }
}

const productOf = ({ m, n, k }: DotKernel, a: readonly number[], b: readonly number[]): readonly number[] =>
  Array.from({ length: m.extent * n.extent }, (_, i) => {
    const [row, column] = [Math.floor(i / n.extent), i % n.extent]
    let sum = 0
    for (let q = 0; q < k.extent; q++) sum += a[row * k.extent + q]! * b[q * n.extent + column]!
    return sum
  })

/** Whether they multiply as they should: drivers are known to compile what they then get wrong. */
export const multiply = async (gpu: GPUDevice, matrices: Matrices): Promise<boolean> => {
  const { kernel, a, b } = trial(matrices)
  const shader = printDot(kernel, { ...hardwareTuning, matrices })
  const pipeline = pipelines(gpu).of(shader, 'rrw', kernel.name)
  if ((await pipeline.ready) !== null || pipeline.compiled === null) return false
  const bytes = 4 * kernel.buffers[2]!.size
  const buffer = (size: number, flags: number): GPUBuffer => gpu.createBuffer({ size, usage: flags })
  const inputs = [a, b].map((numbers) => {
    const packed = packHalves('f16', numbers, new Uint16Array(2 * Math.ceil(numbers.length / 2)))
    const made = buffer(packed.byteLength, usage.storage | usage.copyTo)
    gpu.queue.writeBuffer(made, 0, packed)
    return made
  })
  const result = buffer(bytes, usage.storage | usage.copyFrom)
  const staging = buffer(bytes, usage.mapRead | usage.copyTo)
  const made = [...inputs, result, staging]
  try {
    const encoder = gpu.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline.compiled)
    const entries = [...inputs, result].map((of, binding) => ({ binding, resource: { buffer: of } }))
    pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.layout, entries }))
    pass.dispatchWorkgroups(...shader.workgroups)
    pass.end()
    encoder.copyBufferToBuffer(result, 0, staging, 0, bytes)
    gpu.queue.submit([encoder.finish()])
    await patiently(() => staging.mapAsync(MAP_READ))
    const actual = new Float32Array(staging.getMappedRange())
    return productOf(kernel, a, b).every((x, i) => actual[i] === x)
  } finally {
    made.forEach((one) => one.destroy())
  }
}

/** A device that may have subgroup matrices. */
export interface Opened {
  readonly gpu: GPUDevice
  readonly matrices: Matrices | null
}

/**
 * A device of the adapter with its subgroup matrices, where it offers any and a product of them comes out right; `given` ones are
 * taken as they are. Null where there is none: the adapter yields a plain one then.
 */
export const openMatrices = async (
  plain: GPUAdapter,
  options: AdapterOptions,
  given: Matrices | null,
): Promise<Opened | null> => {
  try {
    const adapter = await findMatrices(plain, options)
    if (adapter === null) return null
    const gpu = await deviceOf(adapter, true)
    const offered = given ?? matricesOffered(adapter)
    const right = offered === null || given !== null || (await multiply(gpu, offered).catch(() => false))
    const matrices = right ? offered : null
    // An adapter yields one device: where it is the plain one, that is it.
    if (matrices !== null || adapter === plain) return { gpu, matrices }
    gpu.destroy()
    return null
  } catch {
    return null // they are an extra: no device was made, and what is wrong with the adapter itself, its plain device will say
  }
}
