/** Test support: a GGUF file of a small Llama with random weights, and with no tokenizer. */

/** What a field of the metadata may be. */
type Field = string | number | { readonly float: number }

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
const f32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])

/** A value behind the number of its type. */
const valueOf = (field: Field): Buffer =>
  typeof field === 'string'
    ? Buffer.concat([u32(8), text(field)])
    : typeof field === 'number'
      ? Buffer.concat([u32(4), u32(field)])
      : Buffer.concat([u32(6), f32(field.float)])

/** The sizes that every test here has. */
export const SMALL = { vocab: 48, width: 16, layers: 1, heads: 2, hidden: 24, context: 24 } as const

const tensors: readonly (readonly [name: string, lengths: readonly number[]])[] = [
  ['token_embd.weight', [SMALL.width, SMALL.vocab]],
  ['output_norm.weight', [SMALL.width]],
  ['blk.0.attn_norm.weight', [SMALL.width]],
  ['blk.0.ffn_norm.weight', [SMALL.width]],
  ...['q', 'k', 'v'].map((part) => [`blk.0.attn_${part}.weight`, [SMALL.width, SMALL.width]] as const),
  ['blk.0.attn_output.weight', [SMALL.width, SMALL.width]],
  ['blk.0.ffn_gate.weight', [SMALL.width, SMALL.hidden]],
  ['blk.0.ffn_up.weight', [SMALL.width, SMALL.hidden]],
  ['blk.0.ffn_down.weight', [SMALL.hidden, SMALL.width]],
]

const fields: Readonly<Record<string, Field>> = {
  'general.architecture': 'llama',
  'llama.block_count': SMALL.layers,
  'llama.context_length': SMALL.context,
  'llama.embedding_length': SMALL.width,
  'llama.feed_forward_length': SMALL.hidden,
  'llama.attention.head_count': SMALL.heads,
  'llama.attention.layer_norm_rms_epsilon': { float: 1e-5 },
}

/** Bytes that a tensor begins at a multiple of. */
const ALIGNMENT = 32
const padded = (bytes: Buffer): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT)])

/** The file, with more fields, or others. */
export const smallGguf = (more: Readonly<Record<string, Field>> = {}): Buffer => {
  const all = Object.entries({ ...fields, ...more })
  const pieces = tensors.map(([, lengths], t) => {
    const count = lengths.reduce((a, b) => a * b, 1)
    return padded(Buffer.concat(Array.from({ length: count }, (_, i) => f32(Math.sin(1 + 7 * t + 3 * i)))))
  })
  let offset = 0
  const described = tensors.map(([name, lengths], t) => {
    const at = offset
    offset += pieces[t]!.length
    return Buffer.concat([text(name), u32(lengths.length), ...lengths.map(u64), u32(0), u64(at)])
  })
  const header = Buffer.concat([
    ...[Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(all.length)],
    ...all.map(([key, value]) => Buffer.concat([text(key), valueOf(value)])),
    ...described,
  ])
  return Buffer.concat([padded(header), ...pieces])
}
