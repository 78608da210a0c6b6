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
const WANTED = ['subgroups', 'timestamp-query'] as const

/** A device with all that the adapter has to offer programs. */
export const deviceOf = (adapter: GPUAdapter): Promise<GPUDevice> => {
  const { limits } = adapter
  return patiently(() =>
    adapter.requestDevice({
      requiredFeatures: WANTED.filter((feature) => adapter.features.has(feature)),
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
