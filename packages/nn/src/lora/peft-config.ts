/** `adapter_config.json`: what it says of an adapter here, and what of it would be another adapter than LoRA. */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import type { CheckpointError } from '../io/failure.ts'
import type { LoraConfig } from './lora.ts'

type Fields = Readonly<Record<string, unknown>>

/** The name of a module without its place. */
const last = (module: string): string => module.slice(module.lastIndexOf('.') + 1)

/** Modules as PEFT finds them: their last names where each layer that there is has the same, else in full. */
const targetModules = (modules: readonly string[]): readonly string[] => {
  const layers = new Map<string, Set<string>>()
  for (const module of modules) {
    const layer = /\.(\d+)\./.exec(module)?.[1] ?? ''
    layers.set(layer, (layers.get(layer) ?? new Set()).add(last(module)))
  }
  const names = [...new Set(modules.map(last))].sort()
  const numbers = [...layers.keys()].map(Number).sort((a, b) => a - b)
  const alike =
    !layers.has('') && numbers.every((n, i) => n === i) && [...layers.values()].every((of) => of.size === names.length)
  return alike ? names : modules
}

/** The file's fields, given the rank of each module. */
export const peftConfigOf = (
  { rank, alpha = rank, rankStabilized = false, dropout = 0 }: LoraConfig,
  ranks: ReadonlyMap<string, number>,
  base: string | null,
): Fields => ({
  peft_type: 'LORA',
  task_type: 'CAUSAL_LM',
  base_model_name_or_path: base,
  inference_mode: true,
  r: rank,
  lora_alpha: alpha,
  lora_dropout: dropout,
  use_rslora: rankStabilized,
  target_modules: targetModules([...ranks.keys()]),
  rank_pattern: Object.fromEntries([...ranks].filter(([, r]) => r !== rank)),
  alpha_pattern: {},
  bias: 'none',
  // of GPT-2's modules, whose matrices are [in, out]
  fan_in_fan_out: [...ranks.keys()].some((module) => /\.(c_attn|c_proj|c_fc)$/.test(module)),
  init_lora_weights: true,
  modules_to_save: null,
  use_dora: false,
})

/** Fields that say nothing of what A and B mean: how they were found and made, or of which version the file is. */
const ASIDE: ReadonlySet<string> = new Set([
  ...[
    'peft_type',
    'peft_version',
    'task_type',
    'auto_mapping',
    'base_model_name_or_path',
    'revision',
    'inference_mode',
  ],
  ...['r', 'lora_alpha', 'lora_dropout', 'use_rslora', 'rank_pattern', 'fan_in_fan_out', 'bias', 'init_lora_weights'],
  ...['target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern', 'eva_config', 'runtime_config'],
  ...['megatron_core', 'qalora_group_size', 'ensure_weight_tying'],
])

const isNothing = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === false ||
  value === 'none' ||
  (typeof value === 'object' && Object.keys(value).length === 0)

/** Which of the fields is another adapter than LoRA over a base as it was. */
const beyond = (fields: Fields): string | null => {
  if (fields['peft_type'] !== 'LORA') return 'peft_type'
  if (!isNothing(fields['bias'])) return 'bias'
  // other words (pissa, olora, loftq) move the base when they begin
  if (
    ![undefined, true, false, 'gaussian', 'eva'].includes(fields['init_lora_weights'] as boolean | string | undefined)
  )
    return 'init_lora_weights'
  return Object.keys(fields).find((name) => !ASIDE.has(name) && !isNothing(fields[name])) ?? null
}

const shown = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value))

/** What a file says, or why it cannot be followed. */
export const readPeftConfig = (
  bytes: Uint8Array,
): Either<Refusal, Pick<LoraConfig, 'rank' | 'alpha' | 'rankStabilized' | 'dropout'>> => {
  const format = (message: string) => left<Refusal>({ _tag: 'Format', message })
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    return format(`it is no JSON: ${String(error)}`)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return format('it is no JSON object')
  const fields = parsed as Fields
  const other = beyond(fields)
  if (other !== null)
    return left({
      _tag: 'Unsupported',
      leaf: other,
      message: `its ${other} is ${shown(fields[other])}, which is no plain LoRA. Merge it into its base with PEFT (merge_and_unload), and load the result.`,
    })
  const { r, lora_alpha: alpha, lora_dropout: dropout = 0, use_rslora: rankStabilized = false } = fields
  if (!(typeof r === 'number' && Number.isSafeInteger(r) && r > 0)) return format(`its r is ${shown(r)}`)
  if (!(typeof alpha === 'number' && alpha > 0)) return format(`its lora_alpha is ${shown(alpha)}`)
  if (!(typeof dropout === 'number' && dropout >= 0 && dropout < 1))
    return format(`its lora_dropout is ${JSON.stringify(dropout)}`)
  if (typeof rankStabilized !== 'boolean') return format(`its use_rslora is ${JSON.stringify(rankStabilized)}`)
  return right({ rank: r, alpha, rankStabilized, dropout })
}

type Refusal =
  | Pick<Extract<CheckpointError, { _tag: 'Format' }>, '_tag' | 'message'>
  | Pick<Extract<CheckpointError, { _tag: 'Unsupported' }>, '_tag' | 'leaf' | 'message'>
