/** A program of one kernel, to run a kernel by itself: buffers it only reads are inputs, those it only writes are outputs, the rest donated inputs. */
import type { Kernel, KernelBuffer } from '../../codegen/kernel.ts'
import { dtypes } from '../../dtype.ts'
import type { Aval } from '../../expr.ts'
import type { Program, ProgramBuffer } from '../../schedule/program.ts'
import { captureSite } from '../../site.ts'

const avalOf = ({ dtype, size }: KernelBuffer): Aval => ({ shape: [size], dtype })

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
    steps: [{ kind: 'kernel', kernel, buffers: kernel.buffers.map((_, i) => i), site: captureSite() }],
    outputs: kernel.buffers.flatMap((b, i) => (b.write ? [{ buffer: i, aval: avalOf(b) }] : [])),
  }
}
