/**
 * Dawn's null backend: an adapter that runs nothing, has every feature, and checks texts and pipelines as all of Dawn does: what Tint
 * says of a shader that no adapter at hand could run.
 */
import { findAdapter, MATRIX_FEATURES } from './adapter.ts'
import { reason } from './faults.ts'
import { patiently } from './gpu.ts'
import type { Shader } from './printer/index.ts'

/** What is wrong with a shader, and with the pipeline of it where that is asked for; null where nothing is. */
export const openNull = async (): Promise<(shader: Shader, pipeline: boolean) => Promise<string | null>> => {
  const adapter = await findAdapter({ dawn: ['backend=null', 'enable-dawn-features=allow_unsafe_apis'] })
  const has = (feature: string): feature is GPUFeatureName => adapter.features.has(feature)
  const gpu = await patiently(() => adapter.requestDevice({ requiredFeatures: MATRIX_FEATURES.filter(has) }))
  return async ({ source, entry }, pipeline) => {
    gpu.pushErrorScope('validation')
    const module = gpu.createShaderModule({ code: source })
    const complaint = await patiently(() => gpu.popErrorScope())
    if (complaint !== null || !pipeline) return complaint?.message ?? null
    return patiently(() =>
      gpu.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: entry } }),
    ).then(
      () => null,
      (error: unknown) => reason(error),
    )
  }
}
