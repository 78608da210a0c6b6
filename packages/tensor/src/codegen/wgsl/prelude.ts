/**
 * Functions that generated WGSL calls where the language's own leave too much open: what happens to NaN, infinities, signed
 * zeros, large arguments and overflow, and how exact the result is (WGSL allows sin and cos an absolute error of 2^-11, log
 * one of 2^-21 near 1, exp one that grows with its argument). Special operands are told by their bits, since an
 * implementation may assume that there is no NaN and no infinity, and may flush subnormals. A product and a sum may be fused:
 * nothing here depends on their being rounded apart. A shader gets only the functions it names.
 *
 * Arguments of a user function are never constant expressions in WGSL, so that nothing here is folded, and rejected, at
 * compile time: `from_bits(0x7f800000u)` is how generated code writes infinity.
 */
import { angles } from './angles.ts'
import { exponentials } from './exponentials.ts'

const numbers = {
  from_bits: 'fn from_bits(b: u32) -> f32 { return bitcast<f32>(b); }',
  is_nan: 'fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }',
  is_inf: 'fn is_inf(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u; }',
  is_zero: 'fn is_zero(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0u; }',
  plus_zero: 'fn plus_zero(x: f32) -> f32 { return select(x, 0.0, is_zero(x)); }',
  // the magnitude of x with the sign of y
  with_sign: `fn with_sign(x: f32, y: f32) -> f32 {
  return bitcast<f32>((bitcast<u32>(x) & 0x7fffffffu) | (bitcast<u32>(y) & 0x80000000u));
}`,
  // Equal operands have equal bits, but for zeros: 0 is above -0.
  max_f32: `fn max_f32(x: f32, y: f32) -> f32 {
  let m = select(select(y, x, x > y), bitcast<f32>(bitcast<u32>(x) & bitcast<u32>(y)), x == y);
  return select(select(m, x, is_nan(x)), y, is_nan(y));
}`,
  min_f32: `fn min_f32(x: f32, y: f32) -> f32 {
  let m = select(select(y, x, x < y), bitcast<f32>(bitcast<u32>(x) | bitcast<u32>(y)), x == y);
  return select(select(m, x, is_nan(x)), y, is_nan(y));
}`,
  sign_f32: 'fn sign_f32(x: f32) -> f32 { return select(with_sign(1.0, x), x, is_zero(x) || is_nan(x)); }',
  sqrt_f32: 'fn sqrt_f32(x: f32) -> f32 { return select(sqrt(x), x, is_zero(x) || bitcast<u32>(x) == 0x7f800000u); }',
  rsqrt_f32: `fn rsqrt_f32(x: f32) -> f32 {
  let y = select(inverseSqrt(x), with_sign(from_bits(0x7f800000u), x), is_zero(x));
  return select(y, 0.0, bitcast<u32>(x) == 0x7f800000u);
}`,
  // Long division of the mantissas in integers, eight bits of the quotient a step, so that any remainder is exact: with
  // |x| = m 2^a and |y| = n 2^b (a >= b, m, n < 2^24), m becomes m mod n, then 2^8 m mod n (below 2^32), and so on. The
  // remainder m 2^b takes its exponent from m's leading bit; y is added where the signs differ; a zero has the sign of y.
  mod_f32: `fn mod_f32(x: f32, y: f32) -> f32 {
  let ax = bitcast<u32>(x) & 0x7fffffffu;
  let ay = bitcast<u32>(y) & 0x7fffffffu;
  if (ax >= 0x7f800000u || ay > 0x7f800000u || ay == 0u) { return from_bits(0x7fc00000u); }
  var r = ax;
  if (ax >= ay) {
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
    let shift = min(countLeadingZeros(m) - 8u, b - 1u);
    r = m << shift;
    if (r >= 0x800000u) { r = (r & 0x7fffffu) | ((b - shift) << 23u); }
  }
  let minus = bitcast<u32>(x) & 0x80000000u;
  if (r == 0u) { return bitcast<f32>(bitcast<u32>(y) & 0x80000000u); }
  let rest = bitcast<f32>(r | minus);
  return select(rest, rest + y, minus != (bitcast<u32>(y) & 0x80000000u));
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

const functions: Readonly<Record<string, string>> = { ...numbers, ...exponentials, ...angles }

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
