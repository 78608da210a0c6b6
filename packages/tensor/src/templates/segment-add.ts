/** Sums of segments in WGSL: one lane an element of the result, which adds up what belongs to it, in order. */
import { dtypes } from '../base/dtype.ts'
import type { TemplateKernel } from '../loops/kernel.ts'

/** The body of a shader: `element` is the number of the lane's element, below `elements`. */
export interface TemplateBody {
  readonly elements: number
  readonly text: string
}

/**
 * y[pre, j, post] = x[pre, j, post] + sum over t from starts[j] to starts[j + 1] of updates[pre, order[t], post], one term
 * after another: no two lanes write one element, so that no atomics are needed, and the order of terms is that of the updates.
 */
export const segmentAddWgsl = ({ params, buffers, args, outs }: TemplateKernel): TemplateBody => {
  const { pre, n, count, post } = params as Readonly<Record<'pre' | 'n' | 'count' | 'post', number>>
  const [updates, order, starts, x] = args
  return {
    elements: pre * n * post,
    text: [
      `let column = element % ${post}i;`,
      `let row = element / ${post}i;`,
      `let first = row / ${n}i * ${count}i;`,
      `let end = b${starts!}[row % ${n}i + 1i];`,
      `var sum = ${x === undefined ? `${dtypes[buffers[outs[0]!]!.dtype].wgsl}(0)` : `b${x}[element]`};`,
      `for (var t = b${starts!}[row % ${n}i]; t < end; t += 1i) {`,
      `  sum = sum + b${updates!}[(first + b${order!}[t]) * ${post}i + column];`,
      `}`,
      `b${outs[0]!}[element] = sum;`,
    ].join('\n  '),
  }
}
