// No compile error is buried under overloads: of a newcomer's likeliest mistakes, the compiler's first lines say what is wrong.
import ts from 'typescript'
import { expect, test } from 'vitest'
import { compiled } from './compiler.support.ts'

const VECTOR = `t.Tensor<readonly [2], 'f32'>`
const LINEAR = 'nn.initLinear({ in: 3, out: 2 })(KEY)'
const MLP = 'nn.mlp(t.relu)(nn.initMlp({ width: 3, hidden: 4, gated: false })(KEY))'
const HEADS = '{ width: 8, heads: 2, kvHeads: 1 }'
const AT = '{ rotate: (x: nn.Floats) => x, visible: null }'
const ATTENTION = `nn.attention(${HEADS})(nn.initAttention(${HEADS})(KEY), ${AT})`
const NORM = '{ init: () => nn.initRmsNorm({ width: 8 }), apply: nn.rmsNorm({}) }'
const BLOCK = (width: number): string => {
  const config = `{ norm: ${NORM}, attention: ${HEADS}, mlp: { width: ${width}, hidden: 9, gated: false }, activation: t.relu }`
  return `nn.block(${config})(nn.initBlock(${config})(KEY), ${AT})`
}
const CONVOLUTION = 'nn.convolution()(nn.initConvolution({ in: 3, out: 8, window: [3, 3] })(KEY))'
const GRU = 'nn.gru()(nn.initGru({ in: 3, hidden: 4 })(KEY))'
/** The mistake, and what the compiler says of it within three lines. */
const mistakes: readonly (readonly [text: string, said: string])[] = [
  ['t.add(t.tensor([1, 2, 3], [3]), t.tensor([1, 2], [2]))', 'broadcast: 3 and 2 differ'],
  ['t.add(t.zeros([2, 3]), t.zeros([4]))', 'broadcast: 3 and 4 differ'],
  ['t.lt(t.zeros([2]), t.zeros([3]))', 'broadcast: 2 and 3 differ'],
  [`t.add(t.zeros([2]), t.zeros([2], 'i32'))`, 'dtypes f32 and i32 differ: cast one operand'],
  ['t.add(t.zeros([2]), [1, 2])', `'number[]' is not assignable to parameter of type 'Tensor<`],
  [`t.pow(t.zeros([2]), '2')`, `'string' is not assignable to parameter of type 'Tensor<`],
  ['t.add(t.zeros([2]))', 'Expected 2 arguments, but got 1'],
  ['t.mul(t.sum(), 2)', `=> Tensor<readonly [], Computed<D>>' is not assignable to parameter of type 'Tensor<`],
  ['t.sum(t.zeros([2]))', 'no properties in common with type'],
  ['t.matmul(t.zeros([2, 3]), t.zeros([4, 5]))', 'matmul: inner dimensions 3 and 4 differ'],
  ['t.where(t.zeros([2]), 1, 0)', `parameter of type 'Tensor<readonly [2], "bool">'`],
  ['t.where(t.gt(t.zeros([2]), 0), t.zeros([2]), t.zeros([3]))', 'broadcast: 2 and 3 differ'],
  ['t.where(t.gt(t.zeros([2]), 0), t.zeros([3]), 0)', 'broadcast: 2 and 3 differ'],
  ['t.where(t.gt(t.zeros([2]), 0), 0, t.zeros([3]))', 'broadcast: 2 and 3 differ'],
  [`t.where(t.gt(t.zeros([2]), 0), t.zeros([2]), t.zeros([2], 'i32'))`, 'dtypes f32 and i32 differ: cast one operand'],
  ['t.tensor([1, 2, 3], [2, 2])', 'tensor: 3 elements for a shape of 4'],
  ['t.tensor([[1, 2], [3, 4]], [4])', 'tensor: nested arrays have a shape already: leave it out'],
  ['t.tensor([1, true])', 'tensor: numbers and booleans together: name a dtype'],
  [`t.tensor(['a'])`, `'string' is not assignable to type 'number | boolean`],
  [`t.tensor([1, 2], 'float32')`, `'"float32"' is not assignable to parameter of type`],
  ['t.zeros(3)', `'number' is not assignable to parameter of type 'Shape'`],
  ['t.reshape([5])(t.zeros([2, 3]))', 'reshape: the element counts differ'],
  ['t.sum({ axis: 2 })(t.zeros([2, 3]))', 'axis 2 is out of range for rank 2'],
  ['t.tree.map((x: number) => x, { a: t.zeros([2]) })', `'(x: number) => number' is not assignable`],
  ['t.scan((c: t.Scalar, x: t.Scalar) => t.add(c, x))', 'readonly [Scalar, Tree]'],
  ['t.setDefaultDevice(t.requestDevice())', `'TaskEither<DeviceError, Device>' is not assignable to parameter`],
  ['t.setDefaultDevice(t.requestDeviceAsync())', `'Promise<Device>' is not assignable to parameter of type 'Device'`],
  [`a.grad((x: ${VECTOR}) => x)`, `=> Scalar'`],
  ['a.grad((x: t.Scalar) => 3)', `=> Scalar'`],
  ['a.grad((p: { w: t.Scalar; b: t.Scalar }) => p.w)({ w: t.scalar(1) })', `'{ w: Scalar; b: Scalar; }'`],
  ['a.grad((p: { w: t.Scalar }) => p.w)({ w: 1 })', `'number' is not assignable to type 'Scalar'`],
  ['a.grad((x: t.Scalar) => x, { argnum: 0 })', `Did you mean to write 'argnums'?`],
  [`a.grad((x: t.Scalar) => x, { argnums: '0' })`, `'string' is not assignable to type 'number | readonly number[]'`],
  ['a.grad((x: t.Scalar) => x, { hasAux: true })', `=> readonly [Scalar, unknown]'`],
  ['a.grad((x: t.Scalar) => [x, 1] as const)', `=> Scalar'`],
  ['a.grad((x: t.Scalar) => x, t.scalar(1))', 'no properties in common with type'],
  ['a.vjp(3)', `'number' is not assignable to parameter of type '(...args: Arguments) => Tree'`],
  [`a.jvp((x: ${VECTOR}) => x)(t.zeros([2]))`, 'Expected 2 arguments, but got 1'],
  ['a.vmap((x: t.Scalar) => x, { inAxis: 0 })', `Did you mean to write 'inAxes'?`],
  ['nn.initLinear({ in: 2 })', `'{ in: 2; }' is not assignable to parameter of type 'LinearConfig<2, number>'`],
  [`nn.initLinear({ in: '2', out: 3 })`, `'string' is not assignable to type 'number'`],
  [
    'nn.linear(nn.initLinear({ in: 2, out: 3 }))',
    `'(key: Key) => LinearParams<Tensor<readonly [2, 3], "f32">>' is not assignable`,
  ],
  ['nn.linear(nn.initLinear({ in: 2, out: 3 })(KEY))(t.zeros([2, 3]))', 'the last dimension of x is 3, and must be 2'],
  [
    `nn.linear(nn.initLinear({ in: t.dim('C', 2), out: 3 })(KEY))(t.zeros([2, t.dim('T', 2)]))`,
    'x is T, and must be C',
  ],
  ['nn.linear(nn.initLinear({ in: 2, out: 3 })(KEY))(t.scalar(1))', 'x is a scalar, and its last dimension must be 2'],
  [
    'nn.unembed(nn.initEmbedding({ rows: 9, width: 2 })(KEY))(t.zeros([2, 3]))',
    'unembed: the last dimension of x is 3',
  ],
  [`${MLP}(t.zeros([2, 5]))`, 'mlp: the last dimension of x is 5, and must be 3'],
  [`nn.mlp(t.relu)({ gate: null, up: ${LINEAR}, down: ${LINEAR} })`, 'mlp: up makes 2 features, and down takes 3'],
  [`nn.residual(${LINEAR})(t.zeros([5, 3]))`, `is not assignable to parameter of type 'Layer'`],
  [
    `nn.residual(nn.linear(${LINEAR}))(t.zeros([5, 3]))`,
    'residual: the last dimension of x is 3, and that of what its layer makes 2',
  ],
  [`nn.residual(${MLP})(t.zeros([t.dim('B', 5), t.dim('C', 3)]))`, 'the last dimension of x is C, and that of'],
  [`${ATTENTION}(t.zeros([2, 7, 6]))`, 'attention: the last dimension of x is 6, and must be 8'],
  [`${BLOCK(8)}(t.zeros([2, 7, 6]))`, 'block: the last dimension of x is 6, and must be 8'],
  [BLOCK(6), 'block: its attention takes 8 features, and its mlp 6'],
  [
    `nn.scanLayers((p: typeof stacked.one) => nn.linear(p))(stacked.all)(t.zeros([2, 6]))`,
    'scanLayers: the last dimension of x is 6, and that of what its layer makes 8',
  ],
  [`nn.scanLayers((p: typeof stacked.one) => nn.linear(p))(stacked.one)`, 'is not assignable to parameter of type'],
  [`${CONVOLUTION}(t.zeros([1, 2, 5, 5]))`, 'convolution: x has 2 channels (axis 1), and must have 3'],
  [`${CONVOLUTION}(t.zeros([1, 3, 5]))`, 'convolution: x has 3 axes, and its kernel 4'],
  [
    `nn.residual(${CONVOLUTION})(t.zeros([1, 3, 5, 5]))`,
    'residual: axis 1 of x is 3, and that of what its layer makes 8',
  ],
  [`${GRU}(t.zeros([2, 7, 5]))`, 'gru: the last dimension of x is 5, and must be 3'],
  [
    `${GRU}(t.zeros([2, 7, 3]), { state: t.zeros([2, 5]) })`,
    'gru: the last dimension of the state is 5, and must be 4',
  ],
  [
    `nn.gruCell(nn.initGru({ in: 3, hidden: 4 })(KEY))(t.zeros([2, 5]), t.zeros([2, 4]))`,
    'gruCell: the last dimension of x is 5, and must be 3',
  ],
  [`nn.bidirectional(${GRU}, ${GRU})(t.zeros([2, 7, 5]))`, 'takes no x whose last dimension is 5'],
  ['nn.initLinear({ in: 2, out: 3 })(0)', `'number' is not assignable to parameter of type 'Key'`],
  ['nn.adam({ lr: 1e-3 })', `'lr' does not exist in type 'AdamConfig'`],
  ['nn.generator(3, { maxTokens: 2 })', `'number' is not assignable to parameter of type 'Transformer | Decoder<`],
  [
    `rl.run({ folder: 'x', seed: 0 })`,
    `'{ folder: string; seed: number; }' is not assignable to parameter of type 'RunConfig`,
  ],
  [
    `rl.run({ folder: 'x', seed: 0, phases: [] as rl.Phase<{ n: number }>[], checkpointEvery: 1, settings: {} })`,
    `'Phase<{ n: number; }>[]' is not assignable to type 'readonly Phase<Tree>[]'`,
  ],
  [
    `rl.runAsync({ folder: 'x', seed: 0 })`,
    `'{ folder: string; seed: number; }' is not assignable to parameter of type 'AsyncRunConfig`,
  ],
  [
    `rl.runAsync({ folder: 'x', seed: 0, phases: [] as rl.Phase<{ n: number }>[], checkpointEvery: 1, settings: {} })`,
    `'Phase<{ n: number; }>[]' is not assignable to type 'readonly AsyncPhase<Tree>[]'`,
  ],
  [
    `rl.run({ folder: 'x', seed: 0, phases: [] as rl.AsyncPhase<t.Scalar>[], checkpointEvery: 1, settings: {} })`,
    `'AsyncPhase<Scalar>[]' is not assignable to type 'readonly Phase<Scalar>[]'`,
  ],
  [
    `rl.grpoStepAsync({ prompts: 2 })`,
    `'{ prompts: number; }' is not assignable to parameter of type 'GrpoConfig<unknown, Tree, Tree>'`,
  ],
  [`rl.snapshotAsync(t.requestDeviceAsync())`, `'Promise<Device>' is not assignable to parameter of type 'Device'`],
  [`rl.staged({ name: 'x' })`, `'{ name: string; }' is not assignable to parameter of type 'StagedRun`],
]

const HEAD = `
import * as a from '@adjoint/autograd'
import * as nn from '@adjoint/nn'
import * as rl from '@adjoint/rl'
import * as t from '@adjoint/tensor'
const KEY = t.random.key(0)
const eight = nn.initLinear({ in: 8, out: 8 })(KEY)
const stacked = { one: eight, all: nn.stackLayers([eight, eight]) }
`
const { program, file } = compiled(Object.fromEntries(mistakes.map(([text], i) => [`mistake-${i}`, HEAD + text])))
const complaintsOf = (name: string): readonly string[] =>
  [...program.getSyntacticDiagnostics(file(name)), ...program.getSemanticDiagnostics(file(name))].map(
    ({ code, messageText }) => `TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
  )

test.each(mistakes.map(([text, said], i) => ({ text, said, i })))('$text', ({ said, i }) => {
  const complaints = complaintsOf(`mistake-${i}`)
  expect(complaints.map((text) => text.split('\n').slice(0, 3).join('\n')).join('\n')).toContain(said)
  // At most one of several signatures is spoken of, and no type is without end.
  expect(complaints.flatMap((text) => text.match(/Overload \d+ of|last overload/g) ?? []).length).toBeLessThanOrEqual(1)
  expect(complaints.filter((text) => text.startsWith('TS2589:'))).toEqual([])
})
