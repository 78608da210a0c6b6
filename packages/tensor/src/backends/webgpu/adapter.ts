/** Adapters: what WebGPU offers here, and a device of one. */
import type { AdapterOptions, AdapterReport } from './face.ts'
import { patiently, findGpu } from './gpu.ts'

export const report = (adapter: GPUAdapter): AdapterReport => {
  const { vendor, architecture, description, device } = adapter.info
  const words = [vendor, architecture, device, description].filter((w) => w !== '').join(' ')
  const software =
    /llvmpipe|lavapipe|swiftshader|software|warp|basic render/i.test(words) || adapter.info.isFallbackAdapter
  return { label: (description || words || 'unnamed adapter').trim(), hardware: !software }
}

/** Rejects where there is none. */
export const findAdapter = async ({
  dawn = [],
  powerPreference = 'high-performance',
}: AdapterOptions): Promise<GPUAdapter> => {
  const gpu = await findGpu(dawn)
  const adapter = await patiently(() => gpu.requestAdapter({ powerPreference }))
  if (adapter === null) throw new Error('no adapter was found')
  return adapter
}

/** The adapter a device would get, without making one; null where there is none. */
export const probeWebgpu = async (options: AdapterOptions = {}): Promise<AdapterReport | null> => {
  try {
    return report(await findAdapter(options))
  } catch {
    return null // what the question was: whether there is one
  }
}

/** Storage buffers a kernel may bind: enough for an optimizer's update, and offered by nearly every adapter. */
const MOST_BINDINGS = 16

/** Features that programs use where they are. */
const WANTED = ['subgroups', 'timestamp-query']
/** What subgroup matrices need: they are no standard yet, and only an adapter that was found with them in mind has them. */
export const MATRIX_FEATURES = ['subgroups', 'shader-f16', 'chromium-experimental-subgroup-matrix']

/** A device with all that the adapter has to offer programs; with subgroup matrices only where they are asked for. */
export const deviceOf = (adapter: GPUAdapter, matrices: boolean): Promise<GPUDevice> => {
  const offered = (feature: string): feature is GPUFeatureName => adapter.features.has(feature)
  const { limits } = adapter
  return patiently(() =>
    adapter.requestDevice({
      requiredFeatures: [...new Set([...WANTED, ...(matrices ? MATRIX_FEATURES : [])])].filter(offered),
      requiredLimits: {
        maxBufferSize: limits.maxBufferSize,
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
        maxStorageBuffersPerShaderStage: Math.min(MOST_BINDINGS, limits.maxStorageBuffersPerShaderStage),
        maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
        maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
        maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
      },
    }),
  )
}
