/**
 * Layers, losses, optimizers, key-value cache and sampling for decoder-only transformers. A layer is `initX(config)(key)`
 * for its parameters, a plain readonly tree, and `x(params)`, a plain function of the data.
 *
 * @packageDocumentation
 */
export type { Booleans, Floats, Integers, Key, Layer, SameShape } from './layer.ts'
export {
  heInit,
  type Initializer,
  lecunInit,
  normalInit,
  onesInit,
  uniformInit,
  xavierInit,
  zerosInit,
} from './init.ts'
export type {
  After,
  AtStep,
  Axis,
  FanIn,
  FanOut,
  HasChannels,
  HasLast,
  Keeps,
  Takes,
  WithChannels,
  WithLast,
} from './dims.ts'
export { initLinear, linear, type LinearConfig, type LinearParams } from './linear.ts'
export { dense, type LowRankSum, sizesOf, times, type Weight } from './weight.ts'
export type { Dropping, LowRankPart } from './lora/low-rank.ts'
export { type AdaptOptions, type Adapter, type Lora, lora, type LoraConfig, type LowRank } from './lora/lora.ts'
export type { Targets } from './lora/targets.ts'
export {
  loadAdapter,
  loadAdapterAsync,
  type LoadAdapterConfig,
  type LoadedAdapter,
  saveAdapter,
  saveAdapterAsync,
  type SaveAdapterConfig,
} from './lora/peft.ts'
export { gpt2Modules, llamaModules, type ModuleTable } from './lora/peft-names.ts'
export type { Bits } from './quantize/codes.ts'
export { quantize, type QuantizeConfig } from './quantize/quantize.ts'
export type { Int4Matrix, Int8Matrix, QuantizedMatrix } from './quantize/quantized.ts'
export { projections, type Replaced, type Split, type WithWeights } from './lora/matrices.ts'
export {
  convolution,
  type ConvolutionConfig,
  type ConvolutionParams,
  type InGroup,
  initConvolution,
  initTransposedConvolution,
  type KernelShape,
  type Slides,
  type Stays,
  transposedConvolution,
  type TransposedConvolutionConfig,
} from './convolution.ts'
export { embedding, type EmbeddingConfig, initEmbedding, unembed } from './embedding.ts'
export {
  initLayerNorm,
  initRmsNorm,
  layerNorm,
  type NormConfig,
  type NormKind,
  type NormOptions,
  type NormParams,
  rmsNorm,
} from './norm.ts'
export { dropout, type DropoutConfig } from './dropout.ts'
export { type ChannelNormConfig, groupNorm, type GroupNormOptions, initGroupNorm } from './group-norm.ts'
export {
  batchNorm,
  type BatchNormOptions,
  type BatchNormState,
  initBatchNorm,
  initBatchNormState,
} from './batch-norm.ts'
export {
  type AnySequence,
  bidirectional,
  type DataFor,
  type Outputs,
  type RecurrentConfig,
  type RecurrentWeights,
  type Sequence,
  type SequenceConfig,
  type SequenceStart,
  type StateFor,
  type StateLeaf,
  type StateTaken,
} from './recurrent.ts'
export { initRnn, rnn, rnnCell, type RnnOptions, type RnnParams } from './rnn.ts'
export { initLstm, lstm, lstmCell, type LstmConfig, type LstmParams, type LstmState } from './lstm.ts'
export { gru, gruCell, type GruParams, initGru } from './gru.ts'
export { rope, type RopeConfig, type RopeScaling, type RopeTable, ropeTable, ropeTables } from './rope.ts'
export { type Columns, place, type Placement } from './placement.ts'
export { maskOf, type Segments, type Visibility, type Visible } from './visibility.ts'
export { attend, type AttendConfig, type KeysValues } from './attend.ts'
export {
  attention,
  type AttentionConfig,
  attentionOver,
  type AttentionParams,
  type AttentionPlace,
  initAttention,
  type QkNormParams,
  type Recall,
} from './attention.ts'
export { initMlp, mlp, type MlpConfig, type MlpFits, type MlpParams } from './mlp.ts'
export { block, type BlockConfig, type BlockFits, blockOver, type BlockParams, initBlock, residual } from './block.ts'
export { scanLayers, type Stacked, stackLayers } from './stacked.ts'
export {
  type BatchOptions,
  transformer,
  type Transformer,
  type TransformerConfig,
  type TransformerOptions,
  type TransformerParams,
} from './transformer.ts'
export { crossEntropy, entropy, maskedMean, perplexity, tokenLogp } from './loss.ts'
export { cosineSimilarity, hinge, huber, mae, mse } from './regression.ts'
export { binaryCrossEntropy, klDivergence, labelCrossEntropy, type LabelConfig } from './classification.ts'
export {
  linearCrossEntropy,
  linearScores,
  type ScoreConfig,
  type TokenScores,
  type Unembedding,
  type VocabularyConfig,
} from './linear-loss.ts'
export type { FloatRows, Int8Rows, Rows, RowsDType } from './rows.ts'
export { append, type Cache, type CacheConfig, type CacheDType, extend, initCache, prefill } from './cache.ts'
export { type Drawn, drawTokens, NO_TOKEN, readDrawn, sampleLogits, type Sampling, SamplingError } from './sample.ts'
export { penalize, type Penalties, type Said } from './penalties.ts'
export { type StopConfig, untilStop } from './stop.ts'
export { decoder, type Decoder, type DecoderConfig } from './decoder.ts'
export { type Generate, type GenerateError, type Generation, generator, generatorAsync } from './generate.ts'
export type { GenerateConfig } from './generate-arguments.ts'
export { gpt2, type Gpt2Config } from './models/gpt2.ts'
export { llama, type LlamaConfig } from './models/llama.ts'
export { qwen2, qwen3 } from './models/qwen.ts'
export { presets } from './models/presets.ts'

export {
  applyUpdates,
  chain,
  type ExtraArguments,
  type GradientTransformation,
  identity,
  opaque,
  stateless,
  transformations,
} from './optim/transformation.ts'
export type { Coefficient } from './optim/coefficient.ts'
export type { Labels, Mask, Selection } from './optim/mark.ts'
export { masked, partition, setToZero } from './optim/partition.ts'
export { type Counted, type LearningRate, scale, scaleByLearningRate, scaleBySchedule } from './optim/scale.ts'
export { momentum, sgd, type SgdConfig, type TraceConfig } from './optim/sgd.ts'
export {
  adam,
  type AdamConfig,
  type AdamMoments,
  type AdamState,
  adamW,
  type AdamWConfig,
  scaleByAdam,
} from './optim/adam.ts'
export { addDecayedWeights } from './optim/decay.ts'
export { lion, type LionConfig, type LionMoments, type LionState, scaleByLion } from './optim/lion.ts'
export { muon, type MuonConfig, type MuonMoments, type MuonState, type MuonStates, scaleByMuon } from './optim/muon.ts'
export { type NewtonSchulzConfig, orthogonalize } from './optim/orthogonalize.ts'
export { adafactor, type AdafactorConfig, relativeStep, scaleByParamRms } from './optim/adafactor.ts'
export {
  type FactoredConfig,
  type FactoredMoments,
  type FactoredState,
  type FullMoments,
  scaleByFactoredRms,
} from './optim/factored.ts'
export {
  type DeviationState,
  type RmsConfig,
  rmsprop,
  type RmspropConfig,
  type RmsState,
  scaleByDeviation,
  scaleByRms,
} from './optim/rmsprop.ts'
export { lamb, type LambConfig, scaleByTrustRatio, type TrustConfig } from './optim/lamb.ts'
export { averageParams, type AverageState, ema, type EmaConfig, type EmaState } from './optim/average.ts'
export { type PlateauConfig, type PlateauState, reduceOnPlateau } from './optim/plateau.ts'
export { type Injected, injectHyperparams } from './optim/inject.ts'
export {
  castFloats,
  type FloatDType,
  lossScaling,
  type LossScale,
  type LossScalingConfig,
  type Masters,
  scaleLoss,
  withMasters,
  withStateDType,
} from './optim/mixed.ts'
export { clipByBlockRms, clipByGlobalNorm, globalNorm } from './optim/clip.ts'
export {
  constantSchedule,
  cosineSchedule,
  joinSchedules,
  linearSchedule,
  type Schedule,
  type Span,
  type WarmupCosine,
  warmupCosineSchedule,
} from './optim/schedule.ts'
export {
  cosineRestartsSchedule,
  type Exponential,
  exponentialSchedule,
  type Polynomial,
  polynomialSchedule,
  type Warmup,
  warmupConstantSchedule,
  warmupExponentialSchedule,
  warmupLinearSchedule,
} from './optim/decaying.ts'
export {
  type Interpolation,
  type OneCycle,
  oneCycleSchedule,
  piecewiseConstantSchedule,
  piecewiseInterpolateSchedule,
  type Pieces,
} from './optim/piecewise.ts'
export { accumulate, type AccumulateState, type Accumulating } from './optim/accumulate.ts'

export {
  characterTokenizer,
  type CharacterTokenizer,
  type CharacterVocabulary,
  type TokenizeError,
  tokenizerOf,
} from './text/characters.ts'
export { leftPad, type PadConfig, type Prompts } from './text/pad.ts'
export { type ShuffleConfig, shuffled } from './data/shuffle.ts'
export {
  type TokensConfig,
  type TokenWidth,
  type TokenWindows,
  withTokens,
  withTokensAsync,
  writeTokens,
  writeTokensAsync,
  type WriteTokensConfig,
} from './data/token-file.ts'
export type { ChatOptions, DecodeOptions, EncodeOptions, Tokenizer, TokenizerError } from './text/tokenizer.ts'
export type { TextStream } from './text/stream.ts'
export type { ChatError, ChatTemplate, Message, TemplateVariables } from './text/chat.ts'
export { chatMl, r1Template } from './text/templates.ts'
export { huggingFaceTokenizer, type TokenizerFiles } from './text/hugging-face.ts'
export { trainBpe, type TrainBpeConfig } from './text/train-bpe.ts'
export { saveTokenizer, saveTokenizerAsync, type SaveTokenizerConfig } from './text/save.ts'
export { trimVocabulary, type TrimConfig, type TrimmedTokenizer } from './text/trim.ts'
export { ggufTokenizer, ggufTokenizerFiles } from './text/gguf.ts'
export { llama2cTokenizer } from './text/llama2c.ts'
export {
  loadTokenizer,
  loadTokenizerAsync,
  type LoadTokenizerConfig,
  loadTokenizerFiles,
  loadTokenizerFilesAsync,
  TokenizerFailure,
} from './text/load.ts'
export { type CheckpointError, CheckpointFailure, type Fault } from './io/failure.ts'
export {
  loadCheckpoint,
  loadCheckpointAsync,
  type LoadConfig,
  type Loaded,
  saveCheckpoint,
  saveCheckpointAsync,
  type SaveConfig,
} from './io/checkpoint.ts'
export { clearParts, type Files, type FileBytes, makeFolder, type OpenFile, type Replacement } from './io/files.ts'
export type { BitsRoom, StoredBits, StoredTensor, Weights } from './io/weights.ts'
export { type WeightsConfig, withWeights, withWeightsAsync } from './io/with-weights.ts'
export { type LazyTensor, saveWeights, saveWeightsAsync, type SaveWeightsConfig } from './io/save-weights.ts'
export { type ConfigError, ConfigFailure, type ModelError } from './models/failure.ts'
export { type ArchitectureName } from './models/architectures.ts'
export {
  describeModel,
  describeModelAsync,
  type LoadedModel,
  loadModel,
  loadModelAsync,
  type LoadModelConfig,
  type ModelDescription,
} from './models/load.ts'
export { saveModel, saveModelAsync, type SaveModelConfig } from './models/save.ts'
