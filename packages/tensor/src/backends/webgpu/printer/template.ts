/** The templates that this device has a kernel for. */
import type { TemplateKernel } from '../../../loops/kernel.ts'
import { segmentAddWgsl, type TemplateBody } from '../../../templates/segment-add.ts'
import { elementsOf } from './elements.ts'
import { nothing, type Shader, shader } from './shader.ts'
import type { Tuning } from './tuning.ts'

const table: Readonly<Record<string, (kernel: TemplateKernel) => TemplateBody>> = { segmentAdd: segmentAddWgsl }
export const templateNames: ReadonlySet<string> = new Set(Object.keys(table))

/** One lane an element. */
export const printTemplate = (kernel: TemplateKernel, { lanes }: Tuning): Shader => {
  const print = table[kernel.template.name]
  if (print === undefined)
    throw new Error(`kernel ${kernel.name}: webgpu has no template ${kernel.template.name}; see capabilities`)
  const { elements, text } = print(kernel)
  if (elements === 0) return nothing
  const groups = Math.ceil(elements / lanes)
  const guard = groups * lanes === elements ? '' : `  if (element >= ${elements}i) { return; }\n`
  const body = `  let element = i32(group * ${lanes}u + lane);\n${guard}  ${text}\n`
  return shader(elementsOf(kernel.buffers), groups, lanes, '', body)
}
