/**
 * Instructions by meaning: each row holds the scalar opcode and the one for 128-bit lanes, so that what is written once
 * over rows prints as both. A `bool` is i32 0 or 1 as a scalar and a mask of ones or zeros in lanes.
 */

/** What a value is to the printer; u32 is i32 under other instructions. `f64` in lanes is two lanes wide. */
export type Type = 'f32' | 'i32' | 'bool' | 'f64'

interface Row {
  /** Null where the scalar machine has no such instruction. */
  readonly scalar: readonly number[]
  readonly lanes: readonly number[]
  readonly result: Type
}

const simd = (code: number): readonly number[] => (code < 0x80 ? [0xfd, code] : [0xfd, (code & 0x7f) | 0x80, code >> 7])
const row = (result: Type, scalar: number, lanes: number): Row => ({ scalar: [scalar], lanes: simd(lanes), result })
const saturating = (result: Type, scalar: number, lanes: number): Row => ({
  scalar: [0xfc, scalar],
  lanes: simd(lanes),
  result,
})

export const instructions = {
  fabs: row('f32', 0x8b, 0xe0),
  fneg: row('f32', 0x8c, 0xe1),
  fceil: row('f32', 0x8d, 0x67),
  ffloor: row('f32', 0x8e, 0x68),
  ftrunc: row('f32', 0x8f, 0x69),
  fnearest: row('f32', 0x90, 0x6a),
  fsqrt: row('f32', 0x91, 0xe3),
  fadd: row('f32', 0x92, 0xe4),
  fsub: row('f32', 0x93, 0xe5),
  fmul: row('f32', 0x94, 0xe6),
  fdiv: row('f32', 0x95, 0xe7),
  fmin: row('f32', 0x96, 0xe8),
  fmax: row('f32', 0x97, 0xe9),
  feq: row('bool', 0x5b, 0x41),
  fne: row('bool', 0x5c, 0x42),
  flt: row('bool', 0x5d, 0x43),
  fgt: row('bool', 0x5e, 0x44),
  fle: row('bool', 0x5f, 0x45),
  fge: row('bool', 0x60, 0x46),

  iadd: row('i32', 0x6a, 0xae),
  isub: row('i32', 0x6b, 0xb1),
  imul: row('i32', 0x6c, 0xb5),
  iand: row('i32', 0x71, 0x4e),
  ior: row('i32', 0x72, 0x50),
  ixor: row('i32', 0x73, 0x51),
  /** The shift distance of lanes is one scalar. */
  ishl: row('i32', 0x74, 0xab),
  ishrs: row('i32', 0x75, 0xac),
  ishru: row('i32', 0x76, 0xad),
  ieq: row('bool', 0x46, 0x37),
  ine: row('bool', 0x47, 0x38),
  ilts: row('bool', 0x48, 0x39),
  iltu: row('bool', 0x49, 0x3a),
  igts: row('bool', 0x4a, 0x3b),
  igtu: row('bool', 0x4b, 0x3c),
  iles: row('bool', 0x4c, 0x3d),
  ileu: row('bool', 0x4d, 0x3e),
  iges: row('bool', 0x4e, 0x3f),
  igeu: row('bool', 0x4f, 0x40),

  band: row('bool', 0x71, 0x4e),
  bor: row('bool', 0x72, 0x50),
  bxor: row('bool', 0x73, 0x51),

  dneg: row('f64', 0x9a, 0xed),
  dtrunc: { scalar: [0x9d], lanes: simd(0x7a), result: 'f64' },
  dnearest: { scalar: [0x9e], lanes: simd(0x94), result: 'f64' },
  dadd: row('f64', 0xa0, 0xf0),
  dsub: row('f64', 0xa1, 0xf1),
  dmul: row('f64', 0xa2, 0xf2),
  ddiv: row('f64', 0xa3, 0xf3),
  dmin: row('f64', 0xa4, 0xf4),
  dmax: row('f64', 0xa5, 0xf5),

  truncS: saturating('i32', 0x00, 0xf8),
  truncU: saturating('i32', 0x01, 0xf9),
  convertS: row('f32', 0xb2, 0xfa),
  convertU: row('f32', 0xb3, 0xfb),
} as const satisfies Readonly<Record<string, Row>>

export type Instruction = keyof typeof instructions

/** Opcodes that are not the same in both machines. */
export const code = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  end: [0x0b],
  br: [0x0c],
  brIf: [0x0d],
  select: [0x1b],
  localGet: 0x20,
  localSet: 0x21,
  i32Const: [0x41],
  f32Const: [0x43],
  f64Const: [0x44],
  i32Load: [0x28],
  f32Load: [0x2a],
  i32Load16: [0x2e],
  i32Store: [0x36],
  f32Store: [0x38],
  i32Store16: [0x3b],
  i32DivS: [0x6d],
  i32RemS: [0x6f],
  i32ReinterpretF32: [0xbc],
  f32ReinterpretI32: [0xbe],
  i32Eqz: [0x45],
  f64PromoteF32: [0xbb],
  f32DemoteF64: [0xb6],
  f64ConvertS: [0xb7],
  f64ConvertU: [0xb8],
  i32TruncF64S: [0xfc, 0x02],
  i32TruncF64U: [0xfc, 0x03],
  memoryCopy: [0xfc, 0x0a, 0x00, 0x00],
  memoryFill: [0xfc, 0x0b, 0x00],

  v128Load: simd(0),
  i32x4Load16: simd(3),
  v128Load32Splat: simd(9),
  v128Store: simd(11),
  v128Const: simd(12),
  shuffle: simd(13),
  i32x4Splat: simd(17),
  f32x4Splat: simd(19),
  f64x2Splat: simd(20),
  i32x4Extract: simd(27),
  i32x4Replace: simd(28),
  f32x4Extract: simd(31),
  v128Not: simd(0x4d),
  v128And: simd(0x4e),
  v128AndNot: simd(0x4f),
  v128AnyTrue: simd(0x53),
  bitselect: simd(0x52),
  v128Load32Lane: simd(0x56),
  v128Store32Lane: simd(0x5a),
  /** x y + z of Relaxed SIMD: rounded once where the processor can, else after the product too. */
  f32x4RelaxedMadd: simd(0x105),
  v128Store64Lane: simd(0x5b),
  v128Load32Zero: simd(0x5c),
  v128Load64Zero: simd(0x5d),
  f32x4DemoteF64x2: simd(0x5e),
  f64x2PromoteLow: simd(0x5f),
  i16x8NarrowU: simd(0x86),
  i16x8GtU: simd(0x32),
  i16x8Shl: simd(0x8b),
  i16x8ShrS: simd(0x8c),
  i16x8Add: simd(0x8e),
  i16x8MaxU: simd(0x99),
  i32x4MinS: simd(0xb6),
  i32x4MinU: simd(0xb7),
  i32x4MaxS: simd(0xb8),
  i32x4MaxU: simd(0xb9),
  f32x4PMin: simd(0xea),
  f32x4PMax: simd(0xeb),
  i32x4TruncF64S: simd(0xfc),
  i32x4TruncF64U: simd(0xfd),
  f64x2ConvertLowS: simd(0xfe),
  f64x2ConvertLowU: simd(0xff),
} as const
