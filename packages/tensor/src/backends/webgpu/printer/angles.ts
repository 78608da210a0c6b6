/** Sine, cosine and tangent as WGSL: angles of any size are reduced to a quarter turn first. */

/** 32 zeros, then 2/pi, 32 bits each. */
const TWO_OVER_PI = '0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu'

export const angles = {
  // The upper 32 bits of a product of 64, from products of halves
  mul_high: `fn mul_high(x: u32, y: u32) -> u32 {
  let low = (x & 0xffffu) * (y & 0xffffu);
  let mid = (x >> 16u) * (y & 0xffffu) + (low >> 16u);
  let mid2 = (x & 0xffffu) * (y >> 16u) + (mid & 0xffffu);
  return (x >> 16u) * (y >> 16u) + (mid >> 16u) + (mid2 >> 16u);
}`,
  // Payne and Hanek, in integers. x = m 2^(e-150), and bits of 2/pi whose product with it is a multiple of four do not count:
  // of those from weight 2 on, 96 are taken (window), and 64 of the product's, in units of 2^-62. Rounded to whole quarters,
  // what is left is made a float from its leading bit on, since it may be as small as 2^-30.
  quarter_far: `fn quarter_far(x: f32) -> vec2<f32> {
  let b = bitcast<u32>(x) & 0x7fffffffu;
  if (b >= 0x7f800000u) { return vec2<f32>(from_bits(0x7fc00000u), 0.0); }
  var digits = array<u32, 8>(${TWO_OVER_PI});
  let m = (b & 0x7fffffu) | 0x800000u;
  let at = (b >> 23u) - 120u;
  let i = at >> 5u;
  let up = at & 31u;
  let down = 31u - up;
  let w0 = (digits[i] << up) | ((digits[i + 1u] >> 1u) >> down);
  let w1 = (digits[i + 1u] << up) | ((digits[i + 2u] >> 1u) >> down);
  let w2 = (digits[i + 2u] << up) | ((digits[i + 3u] >> 1u) >> down);
  let mid = m * w1;
  var low = mid + mul_high(m, w2);
  var high = m * w0 + mul_high(m, w1) + select(0u, 1u, low < mid);
  let quarters = (high + 0x20000000u) >> 30u;
  high = high - (quarters << 30u);
  let minus = high >= 0x80000000u;
  if (minus) {
    low = ~low + 1u;
    high = ~high + select(0u, 1u, low == 0u);
  }
  var exponent = 0u;
  if (high == 0u) {
    high = low;
    low = 0u;
    exponent = 32u;
  }
  let zeros = min(countLeadingZeros(high), 31u);
  let leading = (high << zeros) | ((low >> 1u) >> (31u - zeros));
  let r = f32(leading) * (1.57079633 * bitcast<f32>((97u - exponent - zeros) << 23u));
  let flip = minus != (bitcast<u32>(x) >= 0x80000000u);
  let k = f32(select(quarters, (4u - quarters) & 3u, bitcast<u32>(x) >= 0x80000000u));
  return vec2<f32>(select(r, -r, flip), k);
}`,
  // x = k pi/2 + r with |r| <= pi/4, as (r, k): pi/2 in parts of 16, 16 and 24 bits (Cody and Waite), whose products with
  // k < 2^8 are exact but for the last, which is below 2^-24
  quarter: `fn quarter(x: f32) -> vec2<f32> {
  if (!(abs(x) < 400.0)) { return quarter_far(x); }
  let k = round(x * 0.636619772);
  return vec2<f32>(((x - k * 1.570770263671875) - k * 2.6063062250614166e-05) - k * 6.0771006283e-11, k);
}`,
  sin_near:
    'fn sin_near(x: f32) -> f32 { let z = x * x; return x + x * z * (-1.6666654611e-1 + z * (8.3321608736e-3 - z * 1.9515295891e-4)); }',
  cos_near:
    'fn cos_near(x: f32) -> f32 { let z = x * x; return (1.0 - 0.5 * z) + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5)); }',
  // sin of k + by quarter turns and r
  turn: `fn turn(t: vec2<f32>, by: i32) -> f32 {
  let k = (i32(t.y) + by) & 3i;
  let y = select(sin_near(t.x), cos_near(t.x), (k & 1i) == 1i);
  return select(select(y, -y, k >= 2i), t.x, is_nan(t.x));
}`,
  sin_f32: 'fn sin_f32(x: f32) -> f32 { return select(turn(quarter(x), 0i), x, is_zero(x)); }',
  cos_f32: 'fn cos_f32(x: f32) -> f32 { return turn(quarter(x), 1i); }',
  tan_f32: `fn tan_f32(x: f32) -> f32 {
  let t = quarter(x);
  return select(turn(t, 0i) / turn(t, 1i), x, is_zero(x));
}`,
} as const
