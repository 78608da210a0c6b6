/** What the matrices of a model are called in Transformers, whose modules are what PEFT adapts. */
import { TreeError } from '@adjoint/tensor'

/** Modules by the targets here, `#` standing for the number of the layer. */
export type ModuleTable = Readonly<Record<string, string>>

const inLayers = (names: ModuleTable, ours: string, theirs: string): ModuleTable =>
  Object.fromEntries(Object.entries(names).map(([here, there]) => [`${ours}.${here}`, `${theirs}.${there}`]))

/** Those of Llama and Qwen, for adapters made with `split: projections(model.config)`. */
export const llamaModules: ModuleTable = {
  head: 'lm_head',
  ...inLayers(
    {
      'attention.q': 'self_attn.q_proj',
      'attention.k': 'self_attn.k_proj',
      'attention.v': 'self_attn.v_proj',
      'attention.out': 'self_attn.o_proj',
      'mlp.gate': 'mlp.gate_proj',
      'mlp.up': 'mlp.up_proj',
      'mlp.down': 'mlp.down_proj',
    },
    'blocks.#',
    'model.layers.#',
  ),
}

/** Those of GPT-2, whose queries, keys and values are one there as they are here. */
export const gpt2Modules: ModuleTable = {
  head: 'lm_head',
  ...inLayers(
    {
      'attention.qkv': 'attn.c_attn',
      'attention.out': 'attn.c_proj',
      'mlp.up': 'mlp.c_fc',
      'mlp.down': 'mlp.c_proj',
    },
    'blocks.#',
    'transformer.h.#',
  ),
}

const NUMBER = /\.(\d+)\./

/** @internal Both directions of a table. */
export const moduleNames = (op: string, table: ModuleTable) => {
  const back = new Map(Object.entries(table).map(([here, there]) => [there, here]))
  const found = (name: string, of: (general: string) => string | undefined): string | null => {
    const layer = NUMBER.exec(name)?.[1] ?? ''
    return of(name.replace(NUMBER, '.#.'))?.replace('#', layer) ?? null
  }
  return {
    /** The module of a target. Throws TreeError where there is none. */
    moduleOf: (target: string): string => {
      const module = found(target, (general) => (Object.hasOwn(table, general) ? table[general] : undefined))
      if (module !== null) return module
      throw new TreeError(
        `${op}: ${target} has no name in PEFT; the table of modules has ${Object.keys(table).join(', ')}. ` +
          'Give the table of the architecture: llamaModules for adapters of split projections, gpt2Modules, or your own.',
      )
    },
    /** The target of a module; null where there is none. */
    targetOf: (module: string): string | null => found(module, (general) => back.get(general)),
  }
}
