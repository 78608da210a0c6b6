/** A text that equal kernels share, cheap beside printing them: layers of a model are the same kernels again and again. */
import type { Axis, Ix } from '../../loops/ix.ts'
import type { Kernel, Store } from '../../loops/kernel.ts'
import { index, linearize, type Scalar } from '../../loops/scalar.ts'

export const kernelKey = (kernel: Kernel): string => {
  if (kernel.kind === 'template') {
    const { name, params, buffers, args, outs } = kernel
    return JSON.stringify([name, Object.entries(params).sort(), buffers, args, outs])
  }
  const ofStore = (s: Store): readonly Scalar[] => [s.value, index(s.at)]
  const roots = [
    ...(kernel.kind === 'dot' ? [kernel.a, kernel.b] : []),
    ...kernel.reductions.map((r) => r.value),
    ...kernel.stores.flatMap(ofStore),
  ]
  const order = linearize(roots)
  const numbers = new Map(order.map((s, i) => [s, i]))
  const names = new Map(order.map((s, i) => [String(s.id), i]))
  const of = (s: Scalar): number => numbers.get(s)!
  // An index names the scalars it reads by their ids, which differ from kernel to kernel.
  const at = (ix: Ix): string =>
    ix.key.includes('v') ? ix.key.replace(/v(\d+)/g, (_, id: string) => `v${names.get(id) ?? id}`) : ix.key
  const line = (s: Scalar): string => {
    switch (s.kind) {
      case 'const':
        return `c${s.dtype}${Object.is(s.value, -0) ? '-0' : s.value}`
      case 'index':
        return `i${at(s.ix)}`
      case 'within':
        return `w${at(s.ix)}:${s.lo}:${s.hi}`
      case 'load':
        return `l${s.buffer}${s.dtype}${at(s.at)}`
      case 'reduced':
        return `r${s.reduction}`
      case 'unary':
        return `${s.op}(${of(s.x)})`
      case 'binary':
        return `${s.op}(${of(s.x)},${of(s.y)})`
      case 'select':
        return `?(${of(s.cond)},${of(s.x)},${of(s.y)})`
      case 'cast':
        return `${s.dtype}(${of(s.x)})`
    }
  }
  const axes = (list: readonly Axis[]): string => list.map((a) => `${a.id}:${a.extent}`).join()
  return [
    kernel.buffers.map((b) => `${(b.read ? 1 : 0) + (b.write ? 2 : 0)}${b.dtype}`).join(),
    kernel.kind === 'loop'
      ? `${axes(kernel.rows)}|${axes(kernel.cols)}`
      : `${axes(kernel.batch)}|${axes([kernel.m, kernel.n, kernel.k])}|${of(kernel.a)}|${of(kernel.b)}`,
    kernel.reductions.map((r) => `${r.op}${r.dtype}${r.running}${of(r.value)}`).join(),
    kernel.stores.map((s) => `${s.buffer}${s.scope}${s.mode}${of(s.value)}@${at(s.at)}`).join(),
    ...order.map(line),
  ].join(';')
}
