import { random, scalar, tensor } from '@adjoint/tensor'
import { describe, expect, it } from 'vitest'
import * as nn from './index.ts'

const model = nn.transformer({ vocab: 8, width: 4, layers: 1, heads: 1, context: 4 })
const params = model.init(random.key(0))
const tokens = tensor([1, 2], [1, 2], 'i32')

// plain JavaScript may pass anything
type Configured = (given: never) => unknown

/** Functions that are configured by name, under the name that their errors give. */
const configured: Readonly<Record<string, Configured>> = {
  ...{
    initLinear: nn.initLinear,
    initEmbedding: nn.initEmbedding,
    initMlp: nn.initMlp,
    initAttention: nn.initAttention,
  },
  ...{ initBlock: nn.initBlock, initConvolution: nn.initConvolution, convolution: nn.convolution },
  ...{ initTransposedConvolution: nn.initTransposedConvolution, transposedConvolution: nn.transposedConvolution },
  ...{ initLayerNorm: nn.initLayerNorm, layerNorm: nn.layerNorm, initRmsNorm: nn.initRmsNorm, rmsNorm: nn.rmsNorm },
  ...{ initGroupNorm: nn.initGroupNorm, groupNorm: nn.groupNorm, dropout: nn.dropout },
  ...{ initBatchNorm: nn.initBatchNorm, initBatchNormState: nn.initBatchNormState, batchNorm: nn.batchNorm },
  ...{ initRnn: nn.initRnn, rnn: nn.rnn, rnnCell: nn.rnnCell, initLstm: nn.initLstm, lstm: nn.lstm },
  ...{ initGru: nn.initGru, gru: nn.gru, ropeTable: nn.ropeTable, place: nn.place },
  attend: (given) => nn.attend(null, given),
  ...{ linearScores: nn.linearScores, linearCrossEntropy: nn.linearCrossEntropy },
  attentionOver: nn.attentionOver,
  blockOver: nn.blockOver,
  initCache: nn.initCache(model.config),
  prefill: (given) => nn.prefill(model)(params, given)(tokens),
  extend: (given) => nn.extend(model)(params, nn.initCache(model.config)({ batch: 1, length: 4 }), given)(tokens),
  transformer: nn.transformer,
  ...{
    gpt2: nn.gpt2,
    llama: nn.llama,
    qwen2: nn.qwen2,
    qwen3: nn.qwen3,
    sampleLogits: nn.sampleLogits,
    leftPad: nn.leftPad,
  },
  generate: (given) => nn.generatorAsync(model, given),
  characterTokenizer: nn.characterTokenizer,
  ...{ labelCrossEntropy: nn.labelCrossEntropy, huber: nn.huber, cosineSimilarity: nn.cosineSimilarity },
  ...{ sgd: nn.sgd, momentum: nn.momentum, adam: nn.adam, adamW: nn.adamW, scaleByAdam: nn.scaleByAdam },
  ...{ lion: nn.lion, scaleByLion: nn.scaleByLion, muon: nn.muon, scaleByMuon: nn.scaleByMuon },
  ...{ orthogonalize: nn.orthogonalize, adafactor: nn.adafactor, scaleByFactoredRms: nn.scaleByFactoredRms },
  ...{ rmsprop: nn.rmsprop, scaleByRms: nn.scaleByRms, scaleByDeviation: nn.scaleByDeviation },
  ...{ lamb: nn.lamb, scaleByTrustRatio: nn.scaleByTrustRatio, ema: nn.ema, averageParams: nn.averageParams },
  ...{ reduceOnPlateau: nn.reduceOnPlateau, lossScaling: nn.lossScaling, accumulate: nn.accumulate },
  ...{ linearSchedule: nn.linearSchedule, cosineSchedule: nn.cosineSchedule },
  ...{ warmupCosineSchedule: nn.warmupCosineSchedule, warmupConstantSchedule: nn.warmupConstantSchedule },
  ...{ warmupLinearSchedule: nn.warmupLinearSchedule, warmupExponentialSchedule: nn.warmupExponentialSchedule },
  ...{ exponentialSchedule: nn.exponentialSchedule, polynomialSchedule: nn.polynomialSchedule },
  ...{ piecewiseConstantSchedule: nn.piecewiseConstantSchedule, oneCycleSchedule: nn.oneCycleSchedule },
  piecewiseInterpolateSchedule: nn.piecewiseInterpolateSchedule,
  ...{ saveCheckpoint: nn.saveCheckpoint, loadCheckpoint: nn.loadCheckpoint },
  ...{ saveModel: nn.saveModel, loadModel: nn.loadModel },
}

describe('options by name', () => {
  it.each(Object.entries(configured))('%s says which it has, where one is not among them', (name, configure) => {
    const given = (options: unknown) => () => configure(options as never)
    expect(given({ misspelt: 1 })).toThrow(
      new RegExp(`^${name}: it has no option 'misspelt'. Its options? (is|are) \\w`),
    )
    expect(given(3)).toThrow(new RegExp(`^${name}: its options are the number 3, not an object`))
  })

  it('those of a batch are looked at as well, and those of a sample under another name', () => {
    const odd = { start: scalar(1) } as never
    expect(() => model.apply(params, odd)(tokens)).toThrow(
      "transformer: it has no option 'start'. Its option is starts.",
    )
    expect(() => nn.attention(odd)).toThrow("attentionOver: it has no option 'start'")
    expect(() => nn.block(odd)).toThrow("blockOver: it has no option 'start'")
    expect(() => nn.drawTokens(odd)).toThrow("sampleLogits: it has no option 'start'")
    expect(() => nn.generator(model, odd)).toThrow("generate: it has no option 'start'")
  })
})
