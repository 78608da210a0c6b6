/** Test support: the programs that a newcomer writes first, against each package. */

/** Uses a value and a type of every package. Compiles in a project without any types but the packages' own. */
export const TYPED = `
import { grad } from '@adjoint/autograd'
import { adam, linear, initLinear, type Floats } from '@adjoint/nn'
import { group, presets, type Task } from '@adjoint/rl'
import { curve, type Series } from '@adjoint/report'
import { add, explain, jit, matmul, random, readAsync, requestDeviceAsync, sum, tensor, webgpuDevice, nativeDevice, type Scalar, type Tensor } from '@adjoint/tensor'
import { toposort } from '@adjoint/tensor/ir'
import { fill } from '@adjoint/tensor/primitives'
import * as all from 'adjoint'
import * as nn from 'adjoint/nn'
import * as rl from 'adjoint/rl'

const w: Tensor<readonly [2, 2], 'f32'> = tensor([1, 2, 3, 4], [2, 2])
const loss = (x: typeof w): Scalar => sum()(matmul(x, x))
export const gradient: Promise<Float32Array> = readAsync(jit(grad(loss))(w))
export const device = requestDeviceAsync({ kind: 'wasm' })
const layer = initLinear({ in: 2, out: 2 })(random.key(0))
export const out: Floats = linear(layer)(add(w, 1))
export const [advantages] = group()([[1, 0]])
export type Problems = Task<unknown>
export const series: Series | null = null
export const more = [adam, presets, curve, explain, toposort, fill, webgpuDevice, nativeDevice, all.grad, nn.linear, rl.group] as const
`

/** The same of what needs nothing of the web: no signal that aborts, no `fetch`. */
export const TYPED_WITHOUT_WEB = TYPED.split('\n')
  .filter((line) => !/@adjoint\/r|adjoint\/rl/.test(line))
  .join('\n')
  .replace(/^export const \[advantages\].*\n|^export type Problems.*\n|^export const series.*\n/gm, '')
  .replace(/ presets, curve,| all\.grad,|, rl\.group/g, '')
  .replace("import * as all from 'adjoint'\n", '')

/** Runs on wasm, and prints 2x summed over the row: what the first program of the README does. */
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

/** Everything that a browser may ask for: bundled, with nothing left to be found when it runs. */
export const PAGE = `
import * as adjoint from 'adjoint'
import * as nn from 'adjoint/nn'
import * as rl from 'adjoint/rl'
globalThis.adjoint = { ...adjoint, nn, rl }
`
