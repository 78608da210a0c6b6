/** Test support: the programs that a newcomer writes first, against each package. */

/** Uses values and types of what needs nothing of the web: no signal that aborts, no `fetch`. */
export const TYPED_WITHOUT_WEB = `
import { grad } from '@adjoint/autograd'
import { adam, initLinear, linear, type Floats } from '@adjoint/nn'
import { add, explain, jit, matmul, nativeDevice, random, readAsync, requestDeviceAsync, sum, tensor, webgpuDevice } from '@adjoint/tensor'
import type { Scalar, Tensor } from '@adjoint/tensor'
import { toposort } from '@adjoint/tensor/ir'
import { fill } from '@adjoint/tensor/primitives'
import * as nn from 'adjoint/nn'

const w: Tensor<readonly [2, 2], 'f32'> = tensor([1, 2, 3, 4], [2, 2])
const loss = (x: typeof w): Scalar => sum()(matmul(x, x))
export const gradient: Promise<Float32Array> = readAsync(jit(grad(loss))(w))
export const device = requestDeviceAsync({ kind: 'wasm' })
const layer = initLinear({ in: 2, out: 2 })(random.key(0))
export const out: Floats = linear(layer)(add(w, 1))
export const used = [adam, explain, toposort, fill, webgpuDevice, nativeDevice, nn.linear] as const
`

/** Uses values and types of every package. Compiles in a project without any types but the packages' own. */
export const TYPED = `${TYPED_WITHOUT_WEB}
import { curve, type Series } from '@adjoint/report'
import { group, presets, type Task } from '@adjoint/rl'
import * as all from 'adjoint'
import * as rl from 'adjoint/rl'

export const [advantages] = group()([[1, 0]])
export type Problems = Task<unknown>
export const series: Series | null = null
export const more = [presets, curve, all.grad, rl.group] as const
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

/** Everything that a page may ask for, and the program above. */
export const PAGE = `
import * as adjoint from 'adjoint'
import * as nn from 'adjoint/nn'
import * as rl from 'adjoint/rl'
const { grad, jit, mul, readAsync, sum, tensor } = adjoint
globalThis.gradient = readAsync(jit(grad((x) => sum()(mul(x, x))))(tensor([1, 2, 3])))
globalThis.webgpu = adjoint.requestDevice({ kind: 'webgpu' })()
globalThis.all = { adjoint, nn, rl }
`
