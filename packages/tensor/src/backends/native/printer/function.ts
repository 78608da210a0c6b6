/** A printed kernel as a C function: what it is given, and what it is called with. */
import type { DType, Register } from '../../../base/dtype.ts'
import type { Kernel } from '../../../loops/kernel.ts'
import type { Source } from '../source.ts'
import type { Pointer } from './block.ts'
import { functions } from './functions.ts'
import { elements } from './operators.ts'
import { vectors } from './vectors.ts'

/** A kernel as a function body that runs units lo <= unit < hi of its work. */
export interface Printed {
  /** Functions that it calls, beside those of all kernels. */
  readonly prelude: readonly string[]
  readonly body: string
  /** Whether its inner loops are functions of the prelude: the compiler need not try its utmost on the rest, which takes it longest. */
  readonly plain: boolean
  readonly units: number
  /** Operations on vectors, about; the bytes that come from memory count as what could be done meanwhile. */
  readonly work: number
  /** How often a thread should come for units: seldom, where units that are run together share a part of their work. */
  readonly turns: number
  /** Of each call that is under way. */
  readonly scratchBytes: number
  readonly kernel: Pick<Kernel, 'name' | 'buffers'>
}

/** Bytes that the first core has from memory while it could do one operation. */
export const BYTES_OF_WORK = 16

/** Functions with an option of GCC's; clang has pragmas of its own. */
export const optimized = (option: string, text: string): string => `
#ifndef __clang__
#pragma GCC push_options
#pragma GCC optimize("${option}")
#endif
${text}
#ifndef __clang__
#pragma GCC pop_options
#endif
`

/** Scratch is one stretch of memory that has values of any register. */
export const SCRATCH: readonly Register[] = ['f32', 'i32', 'u32', 'bool']

/** The buffers of a kernel, and after them scratch, as each of its registers. */
export const pointersOf = ({ buffers }: Pick<Kernel, 'buffers'>): readonly Pointer[] => [
  ...buffers.map(({ dtype }, i) => ({ name: `b${i}`, dtype, late: false })),
  ...SCRATCH.map((dtype: DType) => ({ name: `s_${dtype}`, dtype, late: true })),
]

/**
 * The function of a kernel: its memory, and in `at` as doubles lo, hi, where each buffer begins, and scratch. A buffer that is
 * read and written may be one with another; of all others the compiler may know that they are apart.
 */
const functionText = (name: string, { body, plain, kernel }: Printed): string => {
  const declared = kernel.buffers.map(({ dtype, read, write }, i) => {
    const type = `${write ? '' : 'const '}${elements[dtype].type} *${read && write ? '' : 'restrict '}`
    return `  ${type}b${i} = (${type.replace('restrict ', '')})(memory + (long)at[${2 + i}]);\n`
  })
  const scratch = SCRATCH.map((dtype) => {
    const { type } = elements[dtype]
    return `  ${type} *s_${dtype} = (${type} *)(memory + (long)at[${2 + kernel.buffers.length}]);\n`
  })
  const head = `__attribute__((visibility("default"))) void ${name}(char *memory, const double *at) {\n  const long lo = (long)at[0], hi = (long)at[1];\n`
  const text = `${head}${declared.join('')}${scratch.join('')}${body}}\n`
  return plain ? optimized('O2', text) : text
}

/** The source of printed kernels, functions 0, 1, and so on of their name. */
export const sourceOf = (width: number, kernels: readonly Printed[]): Source => ({
  shared: [`#define W ${width}\n${vectors}${functions}`, ...new Set(kernels.flatMap(({ prelude }) => prelude))],
  own: (name) => kernels.map((printed, i) => functionText(`${name}${i}`, printed)).join('\n'),
})
