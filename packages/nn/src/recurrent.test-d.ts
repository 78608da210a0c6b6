// What the compiler says of recurrent layers with right and wrong dimensions: each `@ts-expect-error` is a call that must not compile.
import { grad } from '@adjoint/autograd'
import { dim, random, type Shape, sum, tensor, type Var, zeros } from '@adjoint/tensor'
import { has } from './has-shape.support.ts'
import {
  bidirectional,
  type Floats,
  gru,
  gruCell,
  type GruParams,
  initGru,
  initLinear,
  initLstm,
  initRnn,
  linear,
  lstm,
  lstmCell,
  type LstmParams,
  type LstmState,
  rnn,
  rnnCell,
  type Sequence,
} from './index.ts'

const key = random.key(0)
const B = dim('B', 4)
const T = dim('T', 7)
const C = dim('C', 3)
declare const n: number
const data: Floats = zeros([2, 7, 3])
const known = zeros([2, 7, 3])
const named = zeros([B, T, C])
const plainState: Floats = zeros([2, 4])

const forGru = initGru({ in: 3, hidden: 4 })(key)
const forRnn = initRnn({ in: 3, hidden: 4 })(key)
const forLstm = initLstm({ in: 3, hidden: 4 })(key)
const byName = initGru({ in: C, hidden: 4 })(key)
const plain: GruParams = forGru
const plainLstm: LstmParams = forLstm
const measured = initLstm({ in: n, hidden: n })(key)

// parameters
has<readonly [3, number]>()(forLstm.inputWeight, true)
has<readonly [4, number]>()(forLstm.hiddenWeight, true)

// sequences
{
  const [ys, state] = gru()(forGru)(known)
  has<readonly [2, 7, 4]>()(ys, true)
  has<readonly [2, 4]>()(state, true)
  has<readonly [2, 7, 4]>()(gru()(forGru)(known, { state })[0], true)
  has<readonly [2, 7, 4]>()(gru()(forGru)(known, { state: plainState, lengths: tensor([7, 5], [2], 'i32') })[0], true)
}
{
  const [ys, state] = lstm({ reverse: true })(forLstm)(known)
  has<readonly [2, 7, 4]>()(ys, true)
  has<readonly [2, 4]>()(state.cell, true)
  has<readonly [2, 7, 4]>()(lstm()(forLstm)(known, { state })[0], true)
  has<readonly [2, 7, number]>()(lstm()(measured)(known, { state: { hidden: plainState, cell: plainState } })[0], true)
}
has<readonly [2, 7, 4]>()(rnn()(forRnn)(known)[0], true)
has<readonly [4]>()(rnn()(forRnn)(zeros([7, 3]))[1], true)
has<readonly [Var<'B'>, Var<'T'>, 4]>()(gru()(byName)(named)[0], true)
has<readonly [Var<'B'>, 4]>()(gru()(byName)(named)[1], true)
has<readonly [2, 7, number]>()(gru()(plain)(known)[0], true)
has<readonly [2, 7, number]>()(lstm()(plainLstm)(known)[0], true)
has<readonly [...Shape, 4]>()(gru()(forGru)(data)[0], true)
has<readonly [2, 7, 5]>()(linear(initLinear({ in: 4, out: 5 })(key))(gru()(forGru)(known)[0]), true)
has<readonly [3, number]>()(grad((p: typeof forGru) => sum()(gru()(p)(known)[0]))(forGru).inputWeight, true)
const anySequence: Sequence<LstmState> = lstm()(forLstm)
has<Shape>()(anySequence(known)[0], true)
// @ts-expect-error 5 features, and the layer takes 3
gru()(forGru)(zeros([2, 7, 5]))
// @ts-expect-error 5 features, and the layer takes 3
lstm()(forLstm)(zeros([2, 7, 5]))
// @ts-expect-error 5 features, and the layer takes 3
rnn()(forRnn)(zeros([2, 7, 5]))
// @ts-expect-error names differ
gru()(byName)(zeros([B, C, T]))
// @ts-expect-error a state of 5, and the layer has 4
gru()(forGru)(known, { state: zeros([2, 5]) })
// @ts-expect-error a state of 5, and the layer has 4
lstm()(forLstm)(known, { state: { hidden: zeros([2, 5]), cell: zeros([2, 5]) } })

// cells
has<readonly [2, 4]>()(gruCell(forGru)(zeros([2, 3]), zeros([2, 4])), true)
has<readonly [2, 4]>()(rnnCell({})(forRnn)(zeros([2, 3]), plainState), true)
has<readonly [2, 4]>()(lstmCell(forLstm)(zeros([2, 3]), { hidden: plainState, cell: zeros([2, 4]) }).cell, true)
has<readonly [Var<'B'>, 4]>()(gruCell(byName)(zeros([B, C]), zeros([B, 4])), true)
has<readonly [2, number]>()(gruCell(plain)(zeros([2, 3]), plainState), true)
has<readonly [...Shape, 4]>()(gruCell(forGru)(data, plainState), true)
// @ts-expect-error 5 features, and the cell takes 3
gruCell(forGru)(zeros([2, 5]), zeros([2, 4]))
// @ts-expect-error a state of 3, and the cell has 4
rnnCell({})(forRnn)(zeros([2, 3]), zeros([2, 3]))
// @ts-expect-error a state of 3, and the cell has 4
lstmCell(forLstm)(zeros([2, 3]), { hidden: zeros([2, 3]), cell: zeros([2, 3]) })

// both ways
{
  const both = bidirectional(gru()(forGru), lstm({ reverse: true })(forLstm))
  const [ys, [there, back]] = both(known)
  has<readonly [2, 7, number]>()(ys, true)
  has<readonly [...Shape, 4]>()(there, true)
  has<readonly [...Shape, 4]>()(back.cell, true)
  has<readonly [2, 7, number]>()(
    both(known, { state: [plainState, { hidden: plainState, cell: plainState }] })[0],
    true,
  )
  has<readonly [2, 7, number]>()(both(known, { state: [there, back] })[0], true)
  const pair: Sequence<readonly [Floats, LstmState]> = both
  has<Shape>()(pair(data)[0], true)
  // @ts-expect-error 5 features, and the layers take 3
  both(zeros([2, 7, 5]))
}
