/** Test support: the programs that a newcomer writes first, against each package. */

/** Uses values and types of every package. Compiles in a project without any types but the packages' own. */
export const TYPED = `
import { grad } from '@adjoint/autograd'
import { adam, initLinear, linear, type Floats } from '@adjoint/nn'
import { add, explain, jit, matmul, nativeDevice, random, readAsync, requestDeviceAsync, sum, tensor, webgpuDevice } from '@adjoint/tensor'
import type { Scalar, Tensor } from '@adjoint/tensor'
import { toposort } from '@adjoint/tensor/ir'
import { fill } from '@adjoint/tensor/primitives'
import * as nn from 'adjoint/nn'
import { curve, type Series } from '@adjoint/report'
import { readCommand } from '@adjoint/report/command-line'
import { endpointTeacher, group, patient, presets, type Fetch, type Signal, type Task } from '@adjoint/rl'
import * as all from 'adjoint'
import * as rl from 'adjoint/rl'

const w: Tensor<readonly [2, 2], 'f32'> = tensor([1, 2, 3, 4], [2, 2])
const loss = (x: typeof w): Scalar => sum()(matmul(x, x))
export const gradient: Promise<Float32Array> = readAsync(jit(grad(loss))(w))
export const device = requestDeviceAsync({ kind: 'wasm' })
const layer = initLinear({ in: 2, out: 2 })(random.key(0))
export const out: Floats = linear(layer)(add(w, 1))
export const used = [adam, explain, toposort, fill, webgpuDevice, nativeDevice, nn.linear] as const
export const [advantages] = group()([[1, 0]])
export type Problems = Task<unknown>
export const series: Series | null = null
export const teacher = (signal: Signal, fetch: Fetch) =>
  endpointTeacher({ baseUrl: 'http://127.0.0.1:9/v1', model: 'm', temperature: 0, maxTokens: 1, signal, fetch })
export const judge = patient({ concurrency: 1, timeout: 1 })((sample, signal) => (signal.aborted ? 0 : sample.completion.length))
export const more = [presets, curve, readCommand, all.grad, rl.group] as const
`

/** Hands what the platform has to what asks for it, and what it is handed to the platform. */
export const TYPED_ON_WEB = `${TYPED}
export const real = teacher(AbortSignal.timeout(1000), fetch)
export const asked = patient({ concurrency: 1, timeout: 1 })(async ({ completion }, signal) => {
  signal.throwIfAborted()
  return Number(await (await fetch('http://127.0.0.1:9', { method: 'POST', body: completion, signal })).text())
})
export const faked = teacher(new AbortController().signal, async () => new Response('no', { status: 503 }))
`

/** Runs on wasm, and prints the gradient of the sum of squares. */
export const FIRST = {
  esm: `
import { grad } from '@adjoint/autograd'
import { jit, mul, readAsync, sum, tensor } from '@adjoint/tensor'
console.log(String(await readAsync(jit(grad((x) => sum()(mul(x, x))))(tensor([1, 2, 3])))))
`,
  cjs: `
const { grad } = require('@adjoint/autograd')
const { jit, mul, readAsync, sum, tensor } = require('@adjoint/tensor')
readAsync(jit(grad((x) => sum()(mul(x, x))))(tensor([1, 2, 3]))).then((x) => console.log(String(x)))
`,
} as const

/** Draws a chart, which loads what draws it, and asks for what only Node can. */
export const CHART = `
import { lineChart, pageHtml, renderSvg, reportRuns } from '@adjoint/report'
const series = [{ name: 'loss', points: [{ x: 0, y: 1 }, { x: 1, y: 0 }] }]
globalThis.chart = renderSvg(lineChart({ title: 'Loss', x: 'step', y: 'loss', series }))
globalThis.refused = new Promise(() => reportRuns('runs'))
globalThis.pageHtml = pageHtml
`

/** Everything else that a page may ask for, and the program above. */
export const PAGE = `
import * as adjoint from 'adjoint'
import * as nn from 'adjoint/nn'
import * as rl from 'adjoint/rl'
const { grad, jit, mul, readAsync, sum, tensor } = adjoint
globalThis.gradient = readAsync(jit(grad((x) => sum()(mul(x, x))))(tensor([1, 2, 3])))
globalThis.webgpu = adjoint.requestDevice({ kind: 'webgpu' })()
globalThis.all = { adjoint, nn, rl }
`
