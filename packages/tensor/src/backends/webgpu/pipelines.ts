/**
 * Compute pipelines, shared by all programs of a device: one for each WGSL source. Those in use are known as long as they
 * are; beside them, the last few that were asked for are kept for programs made again.
 */
import type { Shader } from './printer/index.ts'
import { reason } from './faults.ts'
import { COMPUTE_STAGE, patiently } from './gpu.ts'
import { weigh } from './weight.ts'

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
  /** `access`: for each binding, w where the shader declares it read_write, else r. Starts to compile a new source. */
  readonly of: (shader: Shader, access: string, label: string) => Pipeline
  /** Pipelines made. */
  readonly made: () => number
  /** Pipelines kept whether or not a program uses them. */
  readonly kept: () => number
  readonly clear: () => void
}

/** Most pipelines kept beside those in use, and the most characters of their sources. */
const MOST = 256
const MOST_TEXT = 2 ** 23
const MOST_LAYOUTS = 256
/** What a pipeline holds in Dawn and in a driver that compiles for the CPU; measured there, 0.3 to 0.7 MB. */
const PIPELINE_BYTES = 2 ** 19

interface Layout {
  readonly group: GPUBindGroupLayout
  readonly pipeline: GPUPipelineLayout
}

export const pipelines = (gpu: GPUDevice): Pipelines => {
  const known = new Map<string, WeakRef<Pipeline>>()
  const gone = new FinalizationRegistry<string>((source) => {
    if (known.get(source)?.deref() === undefined) known.delete(source)
  })
  /** Those asked for last, the youngest at the end. */
  const recent = new Map<string, Pipeline>()
  let text = 0
  let made = 0
  const layouts = new Map<string, Layout>()

  const layout = (access: string): Layout => {
    const kept = layouts.get(access)
    if (kept !== undefined) return kept
    const group = gpu.createBindGroupLayout({
      label: access,
      entries: Array.from(access, (a, binding) => ({
        binding,
        visibility: COMPUTE_STAGE,
        buffer: { type: a === 'w' ? 'storage' : 'read-only-storage' },
      })),
    })
    const fresh = { group, pipeline: gpu.createPipelineLayout({ label: access, bindGroupLayouts: [group] }) }
    layouts.set(access, fresh)
    // Layouts made anew from the same entries fit the same bind groups.
    if (layouts.size > MOST_LAYOUTS) layouts.delete(layouts.keys().next().value ?? '')
    return fresh
  }

  const compile = async (pipeline: Pipeline, shader: Shader, label: string): Promise<string | null> => {
    gpu.pushErrorScope('validation')
    const module = gpu.createShaderModule({ label, code: shader.source })
    const complaint = patiently(() => gpu.popErrorScope()).then(
      (error) => error?.message ?? null,
      (error: unknown) => reason(error),
    )
    try {
      const compiled = await patiently(() =>
        gpu.createComputePipelineAsync({
          label,
          layout: layout(pipeline.access).pipeline,
          compute: { module, entryPoint: shader.entry },
        }),
      )
      const why = await complaint
      if (why === null) pipeline.compiled = weigh(compiled, PIPELINE_BYTES)
      return why
    } catch (error) {
      return (await complaint) ?? reason(error)
    }
  }

  const touch = (source: string, pipeline: Pipeline): Pipeline => {
    if (!recent.delete(source)) text += source.length
    recent.set(source, pipeline)
    for (const [oldest] of recent) {
      if (recent.size === 1 || (recent.size <= MOST && text <= MOST_TEXT)) break
      recent.delete(oldest)
      text -= oldest.length
    }
    return pipeline
  }

  return {
    of: (shader, access, label) => {
      const { source } = shader
      const kept = known.get(source)?.deref()
      if (kept !== undefined) return touch(source, kept)
      let settle: (why: string | null) => void = () => undefined
      const ready = new Promise<string | null>((resolve) => (settle = resolve))
      const pipeline: Pipeline = { access, layout: layout(access).group, compiled: null, ready }
      made++
      known.set(source, new WeakRef(pipeline))
      gone.register(pipeline, source)
      compile(pipeline, shader, label).then(settle, (error: unknown) => settle(reason(error)))
      return touch(source, pipeline)
    },
    made: () => made,
    kept: () => recent.size,
    clear: () => {
      known.clear()
      recent.clear()
      layouts.clear()
      text = 0
    },
  }
}
