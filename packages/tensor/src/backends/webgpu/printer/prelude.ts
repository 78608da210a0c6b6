/**
 * Functions that generated WGSL calls where the language's own leave too much open: what happens to NaN, infinities, signed
 * zeros, large arguments and overflow, and how exact the result is (WGSL allows sin and cos an absolute error of 2^-11, log
 * one of 2^-21 near 1, exp one that grows with its argument). Special operands are told by their bits, since an
 * implementation may assume that there is no NaN and no infinity, and may flush subnormals. A product and a sum may be fused,
 * and products regrouped: nothing here depends on their being rounded apart. A shader gets only the functions it names.
 *
 * Arguments of a user function are never constant expressions in WGSL, so that nothing here is folded, and rejected, at
 * compile time: `from_bits(0x7f800000u)` is how generated code writes infinity.
 */
import { angles } from './angles.ts'
import { exponentials } from './exponentials.ts'
import { halves } from './halves.ts'

const numbers = {
  from_bits: 'fn from_bits(b: u32) -> f32 { return bitcast<f32>(b); }',
  is_nan: 'fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }',
  is_inf: 'fn is_inf(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u; }',
  is_zero: 'fn is_zero(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0u; }',
  // A product as it would be in memory. A compiler may take (x y) z for x (y z), which overflows elsewhere, and x y - z for one
  // fused operation, which is not 0 where z is x y from another pass over the data (a softmax's maximum). `zero` is 0 in every
  // dispatch (see shader.ts), which no compiler knows.
  rounded: `var<private> zero: u32;
fn rounded(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ zero); }`,
  plus_zero: 'fn plus_zero(x: f32) -> f32 { return select(x, 0.0, is_zero(x)); }',
  // the magnitude of x with the sign of y
  with_sign: `fn with_sign(x: f32, y: f32) -> f32 {
  return bitcast<f32>((bitcast<u32>(x) & 0x7fffffffu) | (bitcast<u32>(y) & 0x80000000u));
}`,
  // Bits in the order of the numbers: -NaN < -infinity < ... < -0 < 0 < ... < infinity < NaN
  order: 'fn order(x: f32) -> i32 { let b = bitcast<i32>(x); return b ^ ((b >> 31u) & 0x7fffffffi); }',
  // The same with -0 = 0: below 0 all move up by one
  rank: 'fn rank(x: f32) -> i32 { let k = order(x); return k - (k >> 31u); }',
  // Numbers are compared as integers. A comparison of floats whose operands are then selected between is a minimum or a maximum
  // to a compiler that may assume there is no NaN, and the instruction it makes of it drops NaN (NVIDIA's does); and
  // subnormals would all be 0. -infinity <= x and y <= infinity leave no room for NaN of either sign in x < y.
  less: `fn less(x: f32, y: f32) -> bool {
  let k = rank(x);
  let l = rank(y);
  return -0x7f800000i <= k && k < l && l <= 0x7f800000i;
}`,
  less_equal: `fn less_equal(x: f32, y: f32) -> bool {
  let k = rank(x);
  let l = rank(y);
  return -0x7f800000i <= k && k <= l && l <= 0x7f800000i;
}`,
  max_f32: `fn max_f32(x: f32, y: f32) -> f32 {
  let m = select(y, x, order(x) > order(y));
  return select(select(m, x, is_nan(x)), y, is_nan(y));
}`,
  min_f32: `fn min_f32(x: f32, y: f32) -> f32 {
  let m = select(y, x, order(x) < order(y));
  return select(select(m, x, is_nan(x)), y, is_nan(y));
}`,
  // A GPU multiplies by 1 / y, which for |y| > 2^126 is subnormal, and may be 0: both are then divided by four. The quotient,
  // good to 2.5 units by WGSL, is corrected by what is left, x - q y, where the adapter's fma is exact: a quotient that is a
  // number then comes out as that number. Where it is not (NVIDIA's driver, as measured), the quotient stays WGSL's. Zeros
  // keep their sign; where what is left is no number, q is 0, infinite or NaN.
  div_f32: `fn div_f32(x: f32, y: f32) -> f32 {
  let k = bitcast<f32>(select(0x3f800000u, 0x3e800000u, (bitcast<u32>(y) & 0x7fffffffu) > 0x7e800000u));
  let a = x * k;
  let b = y * k;
  let q = a / b;
  let rest = fma(-q, b, a) * (1.0 / b);
  return select(q, q + rest, !is_zero(q) && (bitcast<u32>(rest) & 0x7fffffffu) < 0x7f800000u);
}`,
  sign_f32: 'fn sign_f32(x: f32) -> f32 { return select(with_sign(1.0, x), x, is_zero(x) || is_nan(x)); }',
  sqrt_f32: 'fn sqrt_f32(x: f32) -> f32 { return select(sqrt(x), x, is_zero(x) || bitcast<u32>(x) == 0x7f800000u); }',
  rsqrt_f32: `fn rsqrt_f32(x: f32) -> f32 {
  let y = select(inverseSqrt(x), with_sign(from_bits(0x7f800000u), x), is_zero(x));
  return select(y, 0.0, bitcast<u32>(x) == 0x7f800000u);
}`,
  // Long division of the mantissas in integers, eight bits of the quotient a step, so that any remainder is exact: with
  // |x| = m 2^a and |y| = n 2^b (a >= b, m, n < 2^24), m becomes m mod n, then 2^8 m mod n (below 2^32), and so on. The
  // remainder m 2^b takes its exponent from m's leading bit. Where the signs differ and m is not 0, it is n - m instead, as y
  // is added; so is y to an x below it in size: in units of 2^-149 where x is subnormal and counts. A zero has the sign of y.
  mod_f32: `fn mod_f32(x: f32, y: f32) -> f32 {
  let ax = bitcast<u32>(x) & 0x7fffffffu;
  let ay = bitcast<u32>(y) & 0x7fffffffu;
  if (ax >= 0x7f800000u || ay > 0x7f800000u || ay == 0u) { return from_bits(0x7fc00000u); }
  let sign = bitcast<u32>(y) & 0x80000000u;
  let differ = (bitcast<u32>(x) & 0x80000000u) != sign;
  if (ax == 0u) { return bitcast<f32>(sign); }
  if (ax < ay) {
    if (!differ) { return x; }
    if (ax >= 0x00800000u || ay >= 0x0d000000u) { return x + y; }
    let w = bitcast<f32>(select(bitcast<u32>(f32(ay)), ay + 0x4a800000u, ay >= 0x00800000u)) - f32(ax);
    return bitcast<f32>(select(u32(w), bitcast<u32>(w) - 0x4a800000u, w >= 8388608.0) | sign);
  }
  let a = max(ax >> 23u, 1u);
  let b = max(ay >> 23u, 1u);
  let n = select(ay & 0x7fffffu, (ay & 0x7fffffu) | 0x800000u, ay >= 0x800000u);
  var m = select(ax & 0x7fffffu, (ax & 0x7fffffu) | 0x800000u, ax >= 0x800000u) % n;
  var left = a - b;
  while (left > 0u && m != 0u) {
    let step = min(left, 8u);
    m = (m << step) % n;
    left = left - step;
  }
  if (m == 0u) { return bitcast<f32>(sign); }
  if (differ) { m = n - m; }
  let shift = min(countLeadingZeros(m) - 8u, b - 1u);
  var r = m << shift;
  if (r >= 0x800000u) { r = (r & 0x7fffffu) | ((b - shift) << 23u); }
  return bitcast<f32>(r | sign);
}`,
  // Truncates; x / 0 = 0 for both signs, as on every device.
  div_i32: 'fn div_i32(x: i32, y: i32) -> i32 { return select(x / select(y, 1i, y == 0i), 0i, y == 0i); }',
  div_u32: 'fn div_u32(x: u32, y: u32) -> u32 { return select(x / select(y, 1u, y == 0u), 0u, y == 0u); }',
  mod_i32: `fn mod_i32(x: i32, y: i32) -> i32 {
  let d = select(y, 1i, y == 0i || y == -1i);
  let r = x % d;
  return select(r, r + d, r != 0i && ((r < 0i) != (d < 0i)));
}`,
  mod_u32: 'fn mod_u32(x: u32, y: u32) -> u32 { return select(x % select(y, 1u, y == 0u), 0u, y == 0u); }',
  floor_div: `fn floor_div(x: i32, n: i32) -> i32 {
  let q = x / n;
  return select(q, q - 1i, q * n > x);
}`,
  floor_mod: `fn floor_mod(x: i32, n: i32) -> i32 {
  let r = x % n;
  return select(r, r + n, r < 0i);
}`,
  to_i32: `fn to_i32(x: f32) -> i32 {
  let inside = i32(clamp(select(x, 0.0, is_nan(x)), -2147483648.0, 2147483520.0));
  return select(inside, 2147483647i, x >= 2147483648.0 && !is_nan(x));
}`,
  to_u32: `fn to_u32(x: f32) -> u32 {
  let inside = u32(clamp(select(x, 0.0, is_nan(x)), 0.0, 4294967040.0));
  return select(inside, 4294967295u, x >= 4294967296.0 && !is_nan(x));
}`,
  pow_i32: `fn pow_i32(x: i32, y: i32) -> i32 {
  if (y < 0i) { return select(select(0i, select(1i, -1i, (y & 1i) == 1i), x == -1i), 1i, x == 1i); }
  var p = 1i;
  var b = x;
  for (var e = y; e > 0i; e = e >> 1u) { if ((e & 1i) == 1i) { p = p * b; } b = b * b; }
  return p;
}`,
  pow_u32: `fn pow_u32(x: u32, y: u32) -> u32 {
  var p = 1u;
  var b = x;
  for (var e = y; e > 0u; e = e >> 1u) { if ((e & 1u) == 1u) { p = p * b; } b = b * b; }
  return p;
}`,
} as const

const functions: Readonly<Record<string, string>> = { ...numbers, ...halves, ...exponentials, ...angles }

/** The functions that `body` calls, and those they call, in the order of the table above. */
export const prelude = (body: string): string => {
  const needed = new Set<string>()
  const visit = (text: string): void => {
    for (const [, name] of text.matchAll(/\b(\w+)\(/g)) {
      if (name === undefined || needed.has(name) || !Object.hasOwn(functions, name)) continue
      needed.add(name)
      visit(functions[name]!)
    }
  }
  visit(body)
  return Object.entries(functions)
    .filter(([name]) => needed.has(name))
    .map(([, text]) => `${text}\n`)
    .join('')
}
