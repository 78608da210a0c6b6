/**
 * Functions that generated WGSL calls where the language's own leave too much open: what happens to NaN, infinities,
 * large arguments and overflow, and how exact the result is (WGSL allows sin and cos an absolute error of 2^-11, and log
 * one of 2^-21 near 1). Polynomials are those of the Cephes single precision library (S. Moshier). A shader gets only the
 * functions it names.
 *
 * Arguments of a user function are never constant expressions in WGSL, so that nothing here is folded, and rejected, at
 * compile time: `from_bits(0x7f800000u)` is how generated code writes infinity.
 */
const functions = {
  from_bits: 'fn from_bits(b: u32) -> f32 { return bitcast<f32>(b); }',
  is_nan: 'fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }',
  is_inf: 'fn is_inf(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u; }',
  max_f32: 'fn max_f32(x: f32, y: f32) -> f32 { return select(y, x, x > y || is_nan(x)); }',
  min_f32: 'fn min_f32(x: f32, y: f32) -> f32 { return select(y, x, x < y || is_nan(x)); }',
  sign_f32: 'fn sign_f32(x: f32) -> f32 { return select(sign(x), x, is_nan(x)); }',
  // x y = p + e exactly (Dekker), by halves of the mantissas; exact as long as p does not overflow
  product_error: `fn product_error(x: f32, y: f32, p: f32) -> f32 {
  let xh = bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
  let yh = bitcast<f32>(bitcast<u32>(y) & 0xfffff000u);
  let xl = x - xh;
  let yl = y - yh;
  return ((xh * yh - p) + xh * yl + xl * yh) + xl * yl;
}`,
  // The sign of y. The quotient, where it is below 2^24, may be off by one by rounding: one step corrects it.
  mod_f32: `fn mod_f32(x: f32, y: f32) -> f32 {
  let q = trunc(x / y);
  let p = q * y;
  var r = (x - p) - product_error(q, y, p);
  let d = select(-abs(y), abs(y), x < 0.0);
  r = select(r, r + d, abs(r) > 0.0 && (r < 0.0) != (x < 0.0));
  r = select(r, r - sign(r) * abs(y), abs(r) >= abs(y));
  r = select(r, x, abs(x) < abs(y));
  return select(r, r + y, abs(r) > 0.0 && (r < 0.0) != (y < 0.0));
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
  let inside = i32(clamp(x, -2147483648.0, 2147483520.0));
  return select(select(inside, 2147483647i, x >= 2147483648.0), 0i, is_nan(x));
}`,
  to_u32: `fn to_u32(x: f32) -> u32 {
  let inside = u32(clamp(x, 0.0, 4294967040.0));
  return select(select(inside, 4294967295u, x >= 4294967296.0), 0u, is_nan(x));
}`,
  exp_f32: 'fn exp_f32(x: f32) -> f32 { return select(exp(x), x, is_nan(x)); }',
  // log(1 + x) = 2 atanh(x / (2 + x)), for x in (-0.3, 0.45); t^2 < 0.04
  log1p_near: `fn log1p_near(x: f32) -> f32 {
  let t = x / (2.0 + x);
  let z = t * t;
  return 2.0 * t + 2.0 * t * z * (0.333333333 + z * (0.2 + z * (0.142857143 + z * (0.111111111 + z * 0.0909090909))));
}`,
  // x - 1 is exact near 1
  log_f32: `fn log_f32(x: f32) -> f32 {
  let y = select(select(log(x), from_bits(0xff800000u), x == 0.0), x, is_nan(x) || (is_inf(x) && x > 0.0));
  return select(select(y, log1p_near(x - 1.0), x > 0.72 && x < 1.42), from_bits(0x7fc00000u), x < 0.0);
}`,
  log2_f32: `fn log2_f32(x: f32) -> f32 {
  let y = select(select(log2(x), from_bits(0xff800000u), x == 0.0), x, is_nan(x) || (is_inf(x) && x > 0.0));
  return select(select(y, 1.44269504 * log1p_near(x - 1.0), x > 0.72 && x < 1.42), from_bits(0x7fc00000u), x < 0.0);
}`,
  log1p_f32: 'fn log1p_f32(x: f32) -> f32 { return select(log_f32(1.0 + x), log1p_near(x), x > -0.28 && x < 0.42); }',
  // Taylor: the first term left out is x^9 / 9!, below 1e-8 x for |x| < 0.5
  expm1_f32: `fn expm1_f32(x: f32) -> f32 {
  let p = 1.0 + x * (0.5 + x * (0.166666667 + x * (0.0416666667 + x * (8.33333333e-3 + x * (1.38888889e-3 + x * (1.98412698e-4 + x * 2.48015873e-5))))));
  return select(exp_f32(x) - 1.0, x * p, abs(x) < 0.5);
}`,
  tanh_f32: `fn tanh_f32(x: f32) -> f32 {
  let z = x * x;
  let near = x + x * z * (-3.33332819422e-1 + z * (1.33314422036e-1 + z * (-5.37397155531e-2 + z * (2.06390887954e-2 - z * 5.70498872745e-3))));
  let far = 1.0 - 2.0 / (exp(2.0 * min(abs(x), 10.0)) + 1.0);
  return select(select(far, -far, x < 0.0), near, abs(x) < 0.625 || is_nan(x));
}`,
  sinh_f32: `fn sinh_f32(x: f32) -> f32 {
  let z = x * x;
  let near = x + x * z * (1.66667160211e-1 + z * (8.33028376239e-3 + z * 2.03721912945e-4));
  let e = exp(0.5 * abs(x));
  let far = 0.5 * e * e - 0.5 / (e * e);
  return select(select(far, -far, x < 0.0), near, abs(x) < 1.0 || is_nan(x));
}`,
  cosh_f32: `fn cosh_f32(x: f32) -> f32 {
  let e = exp(0.5 * abs(x));
  return select(0.5 * e * e + 0.5 / (e * e), x, is_nan(x));
}`,
  sigmoid_f32: 'fn sigmoid_f32(x: f32) -> f32 { return select(1.0 / (1.0 + exp(-x)), x, is_nan(x)); }',
  erf_f32: `fn erf_f32(x: f32) -> f32 {
  let z = x * x;
  let near = x * (1.128379165726710 + z * (-3.761262582423300e-1 + z * (1.128358514861418e-1 + z * (-2.685381193529856e-2 + z * (5.188327685732524e-3 + z * (-8.010193625184903e-4 + z * 7.853861353153693e-5))))));
  let a = clamp(abs(x), 1.0, 10.0);
  let q = 1.0 / a;
  let y = q * q;
  let low = 5.638259427386472e-1 + y * (-2.741127028184656e-1 + y * (3.404879937665872e-1 + y * (-4.944515323274145e-1 + y * (6.210004621745983e-1 + y * (-5.824733027278666e-1 + y * (3.687424674597105e-1 + y * (-1.387039388740657e-1 + y * 2.326819970068386e-2)))))));
  let high = 5.641895067754075e-1 + y * (-2.820767439740514e-1 + y * (4.218463358204948e-1 + y * (-1.015265279202700 + y * (2.921019019210786 + y * (-7.495518717768503 + y * (1.297719955372516e+1 - y * 1.047766399936249e+1))))));
  let far = 1.0 - exp(-a * a) * q * select(high, low, a < 2.0);
  return select(select(far, -far, x < 0.0), near, abs(x) < 1.0 || is_nan(x));
}`,
  // x = q pi/2 + r with |r| <= pi/4, pi/2 in three parts (Cody and Waite): exact to about |x| = 1e4; the angle of a huge
  // number, whose neighbours are whole turns apart, is arbitrary
  quarter: `fn quarter(x: f32, q: f32) -> f32 {
  return clamp(((x - q * 1.5703125) - q * 4.837512969970703e-4) - q * 7.549789954891882e-8, -0.8, 0.8);
}`,
  sin_near:
    'fn sin_near(x: f32) -> f32 { let z = x * x; return x + x * z * (-1.6666654611e-1 + z * (8.3321608736e-3 - z * 1.9515295891e-4)); }',
  cos_near:
    'fn cos_near(x: f32) -> f32 { let z = x * x; return 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5)); }',
  turn: `fn turn(x: f32, by: i32) -> f32 {
  let q = round(x * 0.636619772);
  let r = quarter(x, q);
  let k = (i32(clamp(q, -1.0e9, 1.0e9)) + by) & 3i;
  let y = select(sin_near(r), cos_near(r), (k & 1i) == 1i);
  return select(select(y, -y, k >= 2i), from_bits(0x7fc00000u), is_nan(x) || is_inf(x));
}`,
  pow_f32: `fn pow_f32(x: f32, y: f32) -> f32 {
  let whole = floor(y) == y;
  let odd = whole && floor(0.5 * y) * 2.0 != y;
  let m = select(exp2(y * log2_f32(abs(x))), 1.0, abs(x) == 1.0 && !is_inf(y));
  let signed = select(select(m, -m, odd), from_bits(0x7fc00000u), !whole && !is_inf(x));
  let z = select(m, signed, x < 0.0);
  return select(select(z, from_bits(0x7fc00000u), is_nan(x) || is_nan(y)), 1.0, y == 0.0 || x == 1.0);
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

/** The functions that `body` calls, and those they call, in the order of the table above. */
export const prelude = (body: string): string => {
  const needed = new Set<string>()
  const visit = (text: string): void => {
    for (const [, name] of text.matchAll(/\b(\w+)\(/g)) {
      if (name === undefined || needed.has(name) || !Object.hasOwn(functions, name)) continue
      needed.add(name)
      visit(functions[name as keyof typeof functions])
    }
  }
  visit(body)
  return Object.entries(functions)
    .filter(([name]) => needed.has(name))
    .map(([, text]) => `${text}\n`)
    .join('')
}
