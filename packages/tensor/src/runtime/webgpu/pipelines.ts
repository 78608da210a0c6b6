/** Compute pipelines and what binds buffers to them, shared by all programs of a device: a pipeline for each WGSL source. */
import type { Kernel } from '../../codegen/kernel.ts'
import type { Shader } from '../../codegen/wgsl/index.ts'
import { COMPUTE_STAGE, patiently } from './gpu.ts'
import type { Block } from './memory.ts'

export interface Pipeline {
  /** Which bindings are written, as text: pipelines of one access pattern share bind groups. */
  readonly access: string
  readonly layout: GPUBindGroupLayout
  /** Null until compiled. */
  compiled: GPUComputePipeline | null
  /** Ends with why it cannot be compiled, or null. */
  readonly ready: Promise<string | null>
}

export interface Pipelines {
  readonly of: (kernel: Kernel, shader: Shader) => Pipeline
  readonly bind: (pipeline: Pipeline, blocks: readonly Block[]) => GPUBindGroup
  readonly made: () => { readonly pipelines: number; readonly bindGroups: number }
}

/** Bind groups kept; a driver holds a few tens of thousands before it fails. */
const MOST_BIND_GROUPS = 8192

export const pipelines = (gpu: GPUDevice): Pipelines => {
  const bySource = new Map<string, Pipeline>()
  const layouts = new Map<string, { readonly group: GPUBindGroupLayout; readonly pipeline: GPUPipelineLayout }>()
  const groups = new Map<string, GPUBindGroup>()
  let bindGroups = 0

  const layout = (access: string): { readonly group: GPUBindGroupLayout; readonly pipeline: GPUPipelineLayout } => {
    const known = layouts.get(access)
    if (known !== undefined) return known
    const group = gpu.createBindGroupLayout({
      label: access,
      entries: Array.from(access, (a, binding) => ({
        binding,
        visibility: COMPUTE_STAGE,
        buffer: { type: a === 'w' ? 'storage' : 'read-only-storage' },
      })),
    })
    const made = { group, pipeline: gpu.createPipelineLayout({ label: access, bindGroupLayouts: [group] }) }
    layouts.set(access, made)
    return made
  }

  const compile = async (pipeline: Pipeline, shader: Shader, label: string): Promise<string | null> => {
    gpu.pushErrorScope('validation')
    const module = gpu.createShaderModule({ label, code: shader.source })
    const complaint = patiently(() => gpu.popErrorScope())
    try {
      pipeline.compiled = await patiently(() =>
        gpu.createComputePipelineAsync({
          label,
          layout: layout(pipeline.access).pipeline,
          compute: { module, entryPoint: shader.entry },
        }),
      )
      await complaint
      return null
    } catch (error) {
      const why = await complaint.catch(() => null)
      return why?.message ?? (error instanceof Error ? error.message : String(error))
    }
  }

  return {
    of: (kernel, shader) => {
      const known = bySource.get(shader.source)
      if (known !== undefined) return known
      const access = kernel.buffers.map((b) => (b.write ? 'w' : 'r')).join('')
      let settle: (why: string | null) => void = () => undefined
      const ready = new Promise<string | null>((resolve) => (settle = resolve))
      const pipeline: Pipeline = { access, layout: layout(access).group, compiled: null, ready }
      bySource.set(shader.source, pipeline)
      void compile(pipeline, shader, kernel.name).then(settle)
      return pipeline
    },
    bind: (pipeline, blocks) => {
      const key = `${pipeline.access}:${blocks.map((b) => b.id).join(',')}`
      const known = groups.get(key)
      if (known !== undefined) {
        groups.delete(key) // moves to the young end of the map's order
        groups.set(key, known)
        return known
      }
      const made = gpu.createBindGroup({
        label: key,
        layout: pipeline.layout,
        entries: blocks.map(({ buffer }, binding) => ({ binding, resource: { buffer } })),
      })
      bindGroups++
      groups.set(key, made)
      if (groups.size > MOST_BIND_GROUPS) groups.delete(groups.keys().next().value ?? '')
      return made
    },
    made: () => ({ pipelines: bySource.size, bindGroups }),
  }
}
