/** The peers' model: pre-norm, tied head, biases, tanh-GELU; 809,728 parameters at 4 layers. */
import { gpt2, type Integers, transformer } from '@adjoint/nn'
import { tensor } from '@adjoint/tensor'

export const [BATCH, LENGTH, VOCAB, LAYERS] = [32, 64, 64, 4]
export const modelOf = (layers: number) =>
  transformer(gpt2({ vocab: VOCAB, width: 128, layers, heads: 4, context: LENGTH }))

/** Tokens by a linear congruence: the same on every machine. */
export const tokensOf = (seed: number, [rows, columns]: readonly [number, number], vocab: number): Integers => {
  const data = new Int32Array(rows * columns)
  let state = seed
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[i] = (state >>> 16) % vocab
  }
  return tensor(data, [rows, columns], 'i32')
}
export const tokens = (seed: number): Integers => tokensOf(seed, [BATCH, LENGTH], VOCAB)
