/**
 * Exponentials, logarithms and what is made of them, as WGSL: the polynomials and the reductions of the wasm backend
 * (Cephes, S. Moshier, single precision, unless said otherwise), so that devices agree.
 */
export const exponentials = {
  // exp(r) - 1 for |r| <= ln 2 / 2
  expm1_small: `fn expm1_small(r: f32) -> f32 {
  let p = 5.0000001201e-1 + r * (1.6666665459e-1 + r * (4.1665795894e-2 + r * (8.3334519073e-3 + r * (1.3981999507e-3 + r * 1.98756915e-4))));
  return r + r * r * p;
}`,
  // x - n ln 2, ln 2 in two parts, the first of ten bits
  exp_rest: 'fn exp_rest(x: f32, n: f32) -> f32 { return (x - n * 0.693359375) + n * 2.1219444e-4; }',
  // 2^n for an integer n in [-126, 127]
  power_of_two: 'fn power_of_two(n: f32) -> f32 { return bitcast<f32>(u32(i32(n) + 127i) << 23u); }',
  // y 2^n, added to the exponent's bits: 0 below lo, infinity above hi, and NaN stays
  scale_within: `fn scale_within(x: f32, y: f32, n: f32, lo: f32, hi: f32) -> f32 {
  let k = i32(clamp(n, -150.0, 150.0));
  let z = bitcast<f32>(bitcast<u32>(y) + (bitcast<u32>(k) << 23u));
  return select(select(select(z, 0.0, x < lo), from_bits(0x7f800000u), x > hi), x, is_nan(x));
}`,
  exp_f32: `fn exp_f32(x: f32) -> f32 {
  let n = round(x * 1.44269504);
  return scale_within(x, 1.0 + expm1_small(exp_rest(x, n)), n, -87.33654, 88.72283);
}`,
  exp2_f32: `fn exp2_f32(x: f32) -> f32 {
  let n = round(x);
  return scale_within(x, 1.0 + expm1_small((x - n) * 0.693147181), n, -126.0, 127.99999);
}`,
  // exp(n ln 2 + r) - 1 = 2^n (exp(r) - 1) + (2^n - 1); where 2^n would overflow, the 1 no longer counts
  expm1_f32: `fn expm1_f32(x: f32) -> f32 {
  let b = clamp(x, -20.0, 88.0);
  let n = round(b * 1.44269504);
  let p = power_of_two(n);
  let y = p * expm1_small(exp_rest(b, n)) + (p - 1.0);
  return select(select(y, exp_f32(x), x > 80.0), x, is_zero(x) || is_nan(x));
}`,
  // x = 2^k (1 + m) with 1 + m in [sqrt 1/2, sqrt 2), as (k, m); a subnormal is its bits times 2^-149
  log_split: `fn log_split(x: f32) -> vec2<f32> {
  let b = bitcast<u32>(x);
  let tiny = b < 0x00800000u;
  let s = bitcast<i32>(select(b, bitcast<u32>(f32(b)), tiny));
  let n = (s - 0x3f3504f3i) >> 23u;
  return vec2<f32>(f32(n - select(0i, 149i, tiny)), bitcast<f32>(s - (n << 23u)) - 1.0);
}`,
  // log(1 + m) - m + m^2 / 2
  log_tail: `fn log_tail(m: f32) -> f32 {
  let p = 3.3333331174e-1 + m * (-2.4999993993e-1 + m * (2.0000714765e-1 + m * (-1.6668057665e-1 + m * (1.4249322787e-1 + m * (-1.2420140846e-1 + m * (1.167699874e-1 + m * (-1.151461031e-1 + m * 7.0376836292e-2)))))));
  return m * m * m * p;
}`,
  // infinity and NaN give themselves, zeros -infinity, numbers below zero NaN
  log_edges: `fn log_edges(x: f32, y: f32) -> f32 {
  let b = bitcast<u32>(x);
  let z = select(select(y, x, b >= 0x7f800000u), from_bits(0x7fc00000u), b > 0x80000000u);
  return select(z, from_bits(0xff800000u), is_zero(x));
}`,
  log_f32: `fn log_f32(x: f32) -> f32 {
  let s = log_split(x);
  let rest = (log_tail(s.y) - 2.1219444e-4 * s.x) - 0.5 * s.y * s.y;
  return log_edges(x, (s.y + rest) + s.x * 0.693359375);
}`,
  // log2(1 + m) = (m + rest) + (log2 e - 1) (m + rest), the small parts first
  log2_f32: `fn log2_f32(x: f32) -> f32 {
  let s = log_split(x);
  let rest = log_tail(s.y) - 0.5 * s.y * s.y;
  return log_edges(x, (((rest * 0.442695041 + s.y * 0.442695041) + rest) + s.y) + s.x);
}`,
  // log(1 + x) = 2 atanh(x / (2 + x)), for x in (-0.3, 0.45); t^2 < 0.04. Beyond, what 1 + x loses is small beside it.
  log1p_near: `fn log1p_near(x: f32) -> f32 {
  let t = x / (2.0 + x);
  let z = t * t;
  return 2.0 * t + 2.0 * t * z * (0.333333333 + z * (0.2 + z * (0.142857143 + z * (0.111111111 + z * 0.0909090909))));
}`,
  // x itself near 0, where its half may be subnormal
  log1p_f32: `fn log1p_f32(x: f32) -> f32 {
  let y = select(log_f32(1.0 + x), log1p_near(x), x > -0.28 && x < 0.42);
  return select(y, x, (bitcast<u32>(x) & 0x7fffffffu) < 0x33000000u);
}`,
  // The rational approximation of Eigen and XLA: x p(x^2) / q(x^2) up to where it reaches 1, and x itself near 0
  tanh_f32: `fn tanh_f32(x: f32) -> f32 {
  let b = clamp(x, -7.905311107635498, 7.905311107635498);
  let z = b * b;
  let p = 4.89352455891786e-3 + z * (6.37261928875436e-4 + z * (1.48572235717979e-5 + z * (5.12229709037114e-8 + z * (-8.60467152213735e-11 + z * (2.00018790482477e-13 - z * 2.76076847742355e-16)))));
  let q = 4.89352518554385e-3 + z * (2.268434632439e-3 + z * (1.18534705686654e-4 + z * 1.19825839466702e-6));
  return select(b * p / q, x, abs(x) < 0.0004 || is_nan(x));
}`,
  // exp(|x|) / 2, halved in the exponent: a product with 1/2 may be taken last, and what it halves overflows sooner
  half_exp: `fn half_exp(x: f32) -> f32 {
  let t = abs(x);
  let n = round(t * 1.44269504);
  return scale_within(t, 1.0 + expm1_small(exp_rest(t, n)), n - 1.0, 0.0, 89.415985);
}`,
  // sinh |x| = (t + t / (t + 1)) / 2 for t = exp|x| - 1
  sinh_f32: `fn sinh_f32(x: f32) -> f32 {
  let t = expm1_f32(min(abs(x), 30.0));
  let y = select(0.5 * (t + t / (t + 1.0)), half_exp(x), abs(x) > 20.0);
  return select(with_sign(y, x), x, is_nan(x));
}`,
  cosh_f32: `fn cosh_f32(x: f32) -> f32 {
  let h = half_exp(x);
  return select(h + 0.25 / h, h, h > 1.0e10 || is_nan(x));
}`,
  sigmoid_f32: 'fn sigmoid_f32(x: f32) -> f32 { return select(1.0 / (1.0 + exp_f32(-x)), x, is_nan(x)); }',
  // Minimax polynomials of N. Juffa: x + x p(x^2) near 0, 1 - exp(q(|x|)) beyond
  erf_f32: `fn erf_f32(x: f32) -> f32 {
  let t = min(abs(x), 4.0);
  let z = x * x;
  let near = 1.28379166e-1 + z * (-3.76125336e-1 + z * (1.12819925e-1 + z * (-2.67681349e-2 + z * (4.99119423e-3 - z * 5.96761703e-4))));
  let q = -1.28717512e-1 + t * (-6.34846687e-1 + t * (-1.06777877e-1 + t * (2.42546219e-2 + t * (-3.88396438e-3 + t * (3.83197126e-4 - t * 1.7285347e-5)))));
  let far = with_sign(1.0 - exp_f32(q * t - t), x);
  return select(select(x + x * near, far, t > 0.927734375), x, is_zero(x) || is_nan(x));
}`,
  // The upper twelve bits of a mantissa, so that products of such are exact
  upper: 'fn upper(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }',
  // |x|^y for the bits b of a finite positive |x| and finite y: FreeBSD's e_powf.c (Sun Microsystems, 1993). log2 |x| in two numbers t1 + t2,
  // from log2 of 1 or 3/2 and 2/(3 ln 2) (3 s + s^3 ...), s = (a - c) / (a + c), in two numbers as well; then 2^(y (t1 + t2)),
  // in the exponent's bits but for a last product with 2^-64 where it is small.
  pow_size: `fn pow_size(b: u32, y: f32) -> f32 {
  let tiny = b < 0x00800000u;
  let w = select(b, bitcast<u32>(f32(b)), tiny);
  let j = w & 0x007fffffu;
  let half = j > 0x1cc471u && j < 0x5db3d7u;
  let high = j >= 0x5db3d7u;
  let a = bitcast<f32>((j | 0x3f800000u) - select(0u, 0x00800000u, high));
  let n = f32(i32(w >> 23u) - 127i + select(0i, 1i, high) - select(0i, 149i, tiny));
  let c = select(1.0, 1.5, half);
  let u = a - c;
  let v = 1.0 / (a + c);
  let s = u * v;
  let sh = upper(s);
  let th = upper(a + c);
  let sl = v * ((u - sh * th) - sh * (a - (th - c)));
  let z = s * s;
  let r = z * z * (0.6 + z * (0.42857143 + z * (0.33333334 + z * (0.27272812 + z * (0.23066075 + z * 0.20697501))))) + sl * (sh + s);
  let sh2 = sh * sh;
  let qh = upper(3.0 + sh2 + r);
  let ql = r - ((qh - 3.0) - sh2);
  let pu = sh * qh;
  let pv = sl * qh + ql * s;
  let ph = upper(pu + pv);
  let pl = pv - (ph - pu);
  let zh = 0.96191406 * ph;
  let zl = -1.1736857e-4 * ph + pl * 0.9617967 + select(0.0, 1.56322085e-6, half);
  let dh = select(0.0, 0.58496094, half);
  let t1 = upper(((zh + zl) + dh) + n);
  let t2 = zl - (((t1 - n) - dh) - zh);
  let y1 = upper(y);
  let el = (y - y1) * t1 + y * t2;
  let eh = y1 * t1;
  let k = round(clamp(eh + el, -400.0, 400.0));
  let f = (eh - k) + el;
  let m = 1.0 + expm1_small(f * 0.693147181);
  let small = k < -125.0;
  let e = u32(i32(clamp(k + select(0.0, 64.0, small), -125.0, 129.0)));
  let p = min(bitcast<u32>(m) + (e << 23u), 0x7f800000u);
  let size = bitcast<f32>(select(p, 0x7f800000u, k > 129.0)) * select(1.0, 5.421010862427522e-20, small);
  return select(size, 0.0, k < -160.0);
}`,
  // The signs and special values of C's pow: x^0 = 1^y = 1, (-1)^(+-infinity) = 1
  pow_f32: `fn pow_f32(x: f32, y: f32) -> f32 {
  if (is_zero(y) || bitcast<u32>(x) == 0x3f800000u) { return 1.0; }
  if (is_nan(x) || is_nan(y)) { return from_bits(0x7fc00000u); }
  let size = bitcast<u32>(x) & 0x7fffffffu; // abs(x) may be 0 for a subnormal x
  let down = bitcast<u32>(y) >= 0x80000000u;
  let infinite = is_inf(y);
  let whole = infinite || floor(y) == y;
  let odd = !infinite && whole && floor(0.5 * y) * 2.0 != y;
  if (bitcast<u32>(x) > 0x80000000u && !is_inf(x) && !whole) { return from_bits(0x7fc00000u); }
  var z = 1.0;
  if (is_zero(x) || is_inf(x)) { z = bitcast<f32>(select(0x7f800000u, 0u, is_zero(x) != down)); }
  else if (infinite) { if (size != 0x3f800000u) { z = bitcast<f32>(select(0x7f800000u, 0u, (size > 0x3f800000u) == down)); } }
  else { z = pow_size(size, y); }
  return select(z, with_sign(z, x), odd);
}`,
} as const
