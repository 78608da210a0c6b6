/**
 * Floats of 16 bits: between their bits and the f32 that they are, and the nearest of them to any f32, ties to even. By the
 * bits, since an implementation may flush subnormals: an f16 below 2^-14 is a number of steps of 2^-24.
 */
export const halves = {
  half_of: 'fn half_of(word: u32, at: i32) -> u32 { return (word >> ((u32(at) & 1u) * 16u)) & 0xffffu; }',
  placed_half: 'fn placed_half(bits: u32, at: i32) -> u32 { return bits << ((u32(at) & 1u) * 16u); }',
  from_bf16: 'fn from_bf16(h: u32) -> f32 { return bitcast<f32>(h << 16u); }',
  from_f16: `fn from_f16(h: u32) -> f32 {
  let size = h & 0x7fffu;
  let small = bitcast<u32>(f32(size) * 5.9604644775390625e-8);
  let other = select((size << 13u) + 0x38000000u, (size << 13u) | 0x7f800000u, size >= 0x7c00u);
  return bitcast<f32>(select(other, small, size < 0x400u) | ((h & 0x8000u) << 16u));
}`,
  bits_bf16: 'fn bits_bf16(x: f32) -> u32 { return bitcast<u32>(x) >> 16u; }',
  bits_f16: `fn bits_f16(x: f32) -> u32 {
  let b = bitcast<u32>(x);
  let size = b & 0x7fffffffu;
  let small = u32(min(bitcast<f32>(size), 1.0) * 16777216.0);
  let special = select(0x7c00u, 0x7e00u, size > 0x7f800000u);
  let other = select((size >> 13u) - 0x1c000u, special, size >= 0x7f800000u);
  return select(other, small, size < 0x38800000u) | ((b >> 16u) & 0x8000u);
}`,
  round_bf16: `fn round_bf16(x: f32) -> f32 {
  let b = bitcast<u32>(x);
  let r = (b + 0x7fffu + ((b >> 16u) & 1u)) & 0xffff0000u;
  return bitcast<f32>(select(r, 0x7fc00000u, (b & 0x7fffffffu) > 0x7f800000u));
}`,
  round_f16: `fn round_f16(x: f32) -> f32 {
  let b = bitcast<u32>(x);
  let size = b & 0x7fffffffu;
  let near = (size + 0xfffu + ((size >> 13u) & 1u)) & 0xffffe000u;
  let bounded = select(near, 0x7f800000u, near >= 0x47800000u);
  let small = bitcast<u32>(round(min(bitcast<f32>(size), 1.0) * 16777216.0) * 5.9604644775390625e-8);
  let r = select(bounded, small, size < 0x38800000u);
  return bitcast<f32>(select(r, 0x7fc00000u, size > 0x7f800000u) | (b & 0x80000000u));
}`,
} as const
