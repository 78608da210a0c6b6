/**
 * Functions of the loop IR over vectors, in C: the reductions and polynomials of the wasm backend (Cephes, S. Moshier, single
 * precision, unless said otherwise), so that devices agree; see wasm/printer/transcendental.ts for where each comes from. A
 * polynomial is evaluated by Horner's rule with one rounding a step, which the processor has an instruction for.
 */
const polynomial = (x: string, [first, ...rest]: readonly string[]): string =>
  rest.reduce((text, c) => `fma_f(${text}, ${x}, splat_f(${c}f))`, `splat_f(${first!}f)`)

const exponentials = `
#define ROUNDER 12582912.0f
INLINE vf expm1_small(vf r) {
  vf p = ${polynomial('r', ['1.98756915e-4', '1.3981999507e-3', '8.3334519073e-3', '4.1665795894e-2', '1.6666665459e-1', '5.0000001201e-1'])};
  return fma_f(r * r, p, r);
}
/* x = n ln 2 + r, n in the low bits of rounded */
typedef struct { vf rounded, r; } reduced_exp;
INLINE reduced_exp reduce_exp(vf x) {
  vf rounded = fma_f(x, splat_f(1.44269504f), splat_f(ROUNDER));
  vf n = rounded - ROUNDER;
  return (reduced_exp){rounded, fma_f(n, splat_f(2.1219444e-4f), fma_f(n, splat_f(-0.693359375f), x))};
}
/* y 2^n by the bits of the exponent: 0 below lo, infinity above hi, and NaN stays; no subnormal is made on the way */
INLINE vf scale_within(vf x, vf y, vf rounded, float lo, float hi) {
  vf scaled = (vf)((vu)y + ((vu)rounded << 23));
  vf flushed = (vf)((vi)scaled & (x >= lo));
  return sel_f(x <= hi, flushed, x + __builtin_inff());
}
#if W == 16 && !defined(__clang__) && HAS(__builtin_ia32_scalefps512_mask) && HAS(__builtin_ia32_cmpps512_mask) && HAS(__builtin_ia32_minps512_mask)
/* the same in fewer instructions: one multiplies by 2^n, overflows as it should, and gives 0 where x is too low; above 89 all is alike */
INLINE vf exp_f(vf x) {
  vf most = splat_f(89.0f);
  reduced_exp e = reduce_exp((vf)__builtin_ia32_minps512_mask(most, x, most, -1, 4));
  return (vf)__builtin_ia32_scalefps512_mask(expm1_small(e.r) + 1.0f, e.rounded - ROUNDER, (vf){}, __builtin_ia32_cmpps512_mask(x, splat_f(-87.33654f), 5, -1, 4), 4);
}
#else
INLINE vf exp_f(vf x) {
  reduced_exp e = reduce_exp(x);
  return scale_within(x, expm1_small(e.r) + 1.0f, e.rounded, -87.33654f, 88.72283f);
}
#endif
INLINE vf exp2_f(vf x) {
  vf rounded = x + ROUNDER;
  return scale_within(x, expm1_small((x - (rounded - ROUNDER)) * 0.693147181f) + 1.0f, rounded, -126.0f, 127.99999f);
}
INLINE vf power_of_two(vi n) { return (vf)((n + 127) << 23); }
/* exp(n ln 2 + r) - 1 = 2^n (exp(r) - 1) + (2^n - 1); where 2^n would overflow, the 1 no longer counts */
INLINE vf expm1_f(vf x) {
  reduced_exp e = reduce_exp(sel_f(x < -20.0f, splat_f(-20.0f), sel_f(x > 88.0f, splat_f(88.0f), x)));
  vf p = power_of_two((vi)e.rounded - 0x4b400000);
  vf y = fma_f(p, expm1_small(e.r), p - 1.0f);
  return sel_f(x > 80.0f, exp_f(x), sel_f((x == 0.0f) | is_nan(x), x, y));
}
`

const logarithms = `
/* x = 2^exponent (1 + m) with 1 + m in [sqrt 1/2, sqrt 2), for x > 0; subnormals are scaled up first */
typedef struct { vf exponent, m; } split_log;
INLINE split_log log_split(vf x) {
  vi tiny = x < 1.1754943508222875e-38f;
  vi bits = (vi)sel_f(tiny, x * 33554432.0f, x);
  vi n = (bits - 0x3f3504f3) >> 23;
  vf m = (vf)(bits - (n << 23)) - 1.0f;
  return (split_log){__builtin_convertvector(n - (tiny & 25), vf), m};
}
INLINE vf log_tail(vf m) {
  vf p = ${polynomial('m', ['7.0376836292e-2', '-1.151461031e-1', '1.167699874e-1', '-1.2420140846e-1', '1.4249322787e-1', '-1.6668057665e-1', '2.0000714765e-1', '-2.4999993993e-1', '3.3333331174e-1'])};
  return m * (m * m) * p;
}
INLINE vf log_edges(vf x, vf y) {
  vf positive = sel_f(x < __builtin_inff(), y, x);
  return sel_f(x < 0.0f, splat_f(__builtin_nanf("")), sel_f(x == 0.0f, splat_f(-__builtin_inff()), positive));
}
INLINE vf log_f(vf x) {
  split_log s = log_split(x);
  vf tail = log_tail(s.m) + s.exponent * -2.1219444e-4f;
  vf rest = tail - (s.m * s.m) * 0.5f;
  return log_edges(x, (s.m + rest) + s.exponent * 0.693359375f);
}
/* log2(1 + m) = (m + rest) + (log2 e - 1) (m + rest), the small parts first */
INLINE vf log2_f(vf x) {
  split_log s = log_split(x);
  vf rest = log_tail(s.m) - (s.m * s.m) * 0.5f;
  return log_edges(x, (((rest * 0.442695041f + s.m * 0.442695041f) + rest) + s.m) + s.exponent);
}
/* log(1 + x) = log u + (x - (u - 1)) / u for u = 1 + x rounded */
INLINE vf log1p_f(vf x) {
  vf u = x + 1.0f;
  vf y = log_f(u);
  vf lost = (x - (u - 1.0f)) / u;
  return sel_f(x == 0.0f, x, sel_f(abs_f(y) < __builtin_inff(), y + lost, y));
}
`

const hyperbolic = `
INLINE vf between(vf x, float lo, float hi) { return sel_f(x < lo, splat_f(lo), sel_f(x > hi, splat_f(hi), x)); }
/* the rational approximation of Eigen and XLA */
INLINE vf tanh_f(vf x) {
  vf b = between(x, -7.905311107635498f, 7.905311107635498f);
  vf z = b * b;
  vf p = ${polynomial('z', ['-2.76076847742355e-16', '2.00018790482477e-13', '-8.60467152213735e-11', '5.12229709037114e-8', '1.48572235717979e-5', '6.37261928875436e-4', '4.89352455891786e-3'])};
  vf q = ${polynomial('z', ['1.19825839466702e-6', '1.18534705686654e-4', '2.268434632439e-3', '4.89352518554385e-3'])};
  return sel_f(abs_f(x) < 0.0004f, x, b * p / q);
}
/* exp(|x|) / 2 = (exp(|x| / 2))^2 / 2 overflows only where its value does */
INLINE vf half_exp(vf x) { vf root = exp_f(abs_f(x) * 0.5f); return root * 0.5f * root; }
INLINE vf cosh_f(vf x) { vf h = half_exp(x); return h + 0.25f / h; }
INLINE vf sinh_f(vf x) {
  vf size = abs_f(x);
  vf t = expm1_f(size);
  return with_sign(sel_f(size > 20.0f, half_exp(x), (t + t / (t + 1.0f)) * 0.5f), x);
}
INLINE vf sigmoid_f(vf x) { return 1.0f / (exp_f(neg_f(x)) + 1.0f); }
/* minimax polynomials of N. Juffa: x + x p(x^2) near 0, 1 - exp(q(|x|)) beyond */
INLINE vf erf_f(vf x) {
  vf size = abs_f(x);
  vf t = sel_f(size > 4.0f, splat_f(4.0f), size);
  vf z = x * x;
  vf near = ${polynomial('z', ['-5.96761703e-4', '4.99119423e-3', '-2.67681349e-2', '1.12819925e-1', '-3.76125336e-1', '1.28379166e-1'])};
  vf q = ${polynomial('t', ['-1.7285347e-5', '3.83197126e-4', '-3.88396438e-3', '2.42546219e-2', '-1.06777877e-1', '-6.34846687e-1', '-1.28717512e-1'])};
  vf far = 1.0f - exp_f(q * t - t);
  return sel_f(t > 0.927734375f, with_sign(far, x), sel_f(x == 0.0f, x, near * x + x));
}
`

const angles = `
typedef struct { vf r; vi quadrant; } turned;
/* x = q pi/2 + r in doubles, pi/2 in two parts (Cody and Waite), the first of 25 bits: exact for q < 2^28 */
INLINE turned turn_by_steps(vf x) {
  turned t = {};
  LANES(
    double q = __builtin_rint((double)x[l] * 0.6366197723675814);
    t.r[l] = (float)(((double)x[l] - q * 1.5707963109016418) - q * 1.5893254773528196e-8);
    t.quadrant[l] = (int32_t)(q - 4.0 * __builtin_floor(q * 0.25)))
  return t;
}
/* by parts (Payne and Hanek): see wasm/printer/transcendental.ts */
static __attribute__((unused, noinline)) turned turn_by_parts(vf x) {
  static const double parts[] = {0x145f306dp-29, 0x19391054p-58, 0x14fe13abp-87, 0x1d1f534dp-116, 0x1b81b6c5p-145, 0x5664f10p-174, 0x1c820ff2p-203};
  turned t = {};
  for (int l = 0; l < W; l++) {
    double sum = 0, lost = 0;
    for (int i = 0; i < 7; i++) {
      double product = (double)x[l] * parts[i];
      double part = product - 4.0 * __builtin_rint(product * 0.25);
      double next = sum + part;
      double taken = next - sum;
      lost += (sum - (next - taken)) + (part - taken);
      sum = next;
    }
    double q = __builtin_rint(sum);
    t.r[l] = (float)(((sum - q) + lost) * 1.5707963267948966);
    t.quadrant[l] = q == q ? (int32_t)(q - 4.0 * __builtin_floor(q * 0.25)) : 0;
  }
  return t;
}
typedef struct { vf sin, cos; vi quadrant; } on_circle;
INLINE on_circle circle(vf x) {
  vi large = ~(abs_f(x) <= 134217728.0f);
  turned t = turn_by_steps((vf)((vi)x & ~large));
  if (__builtin_expect(any(large), 0)) {
    turned far = turn_by_parts(x);
    t.r = sel_f(large, far.r, t.r);
    t.quadrant = sel_i(large, far.quadrant, t.quadrant);
  }
  vf r = t.r, z = r * r;
  vf s = ${polynomial('z', ['-1.9515295891e-4', '8.3321608736e-3', '-1.6666654611e-1'])};
  vf c = ${polynomial('z', ['2.443315711809948e-5', '-1.388731625493765e-3', '4.166664568298827e-2'])};
  return (on_circle){s * z * r + r, (z * z * c - z * 0.5f) + 1.0f, t.quadrant};
}
INLINE vf negated_where(vi m, vf x) { return (vf)((vi)x ^ (m & (int32_t)0x80000000)); }
INLINE vf sin_f(vf x) {
  on_circle t = circle(x);
  vf y = negated_where((t.quadrant & 2) != 0, sel_f((t.quadrant & 1) != 0, t.cos, t.sin));
  return sel_f(x == 0.0f, x, y);
}
INLINE vf cos_f(vf x) {
  on_circle t = circle(x);
  return negated_where(((t.quadrant + 1) & 2) != 0, sel_f((t.quadrant & 1) != 0, t.sin, t.cos));
}
INLINE vf tan_f(vf x) {
  on_circle t = circle(x);
  vi odd = (t.quadrant & 1) != 0;
  vf y = negated_where(odd, sel_f(odd, t.cos, t.sin)) / sel_f(odd, t.sin, t.cos);
  return sel_f(x == 0.0f, x, y);
}
`

const powers = `
/* log2 |x| in doubles, from log(1 + m) = 2 artanh(m / (2 + m)) by its series; then 2^(y log2 |x|). The special cases of C's pow. */
INLINE vf pow_size(vf x, vf y) {
  split_log s = log_split(x);
  vf r = {};
  vi n = {};
  LANES(
    double t = (double)s.m[l] / ((double)s.m[l] + 2.0);
    double z = t * t;
    double p = ((((((z * (1.0 / 15) + 1.0 / 13) * z + 1.0 / 11) * z + 1.0 / 9) * z + 1.0 / 7) * z + 1.0 / 5) * z + 1.0 / 3) * z + 1.0;
    double e = (double)y[l] * ((double)s.exponent[l] + p * t * 2.8853900817779268);
    e = e > 300.0 ? 300.0 : e;
    e = e >= -300.0 ? e : -300.0;
    double whole = __builtin_rint(e);
    r[l] = (float)((e - whole) * 0.6931471805599453);
    n[l] = (int32_t)whole)
  vi third = n >> 2;
  vi rest = n - third;
  vi half = rest >> 1;
  return (expm1_small(r) + 1.0f) * power_of_two(third) * power_of_two(half) * power_of_two(rest - half);
}
INLINE vf pow_f(vf x, vf y) {
  vf size = abs_f(x);
  vf inf = splat_f(__builtin_inff()), zero = {};
  vi above = y > 0.0f;
  vf edge = sel_f(size == 0.0f, sel_f(above, zero, inf), sel_f(size == inf, sel_f(above, inf, zero), pow_size(size, y)));
  vf magnitude = sel_f(is_nan(y), y, sel_f(is_nan(x), x, sel_f(size == 1.0f, splat_f(1.0f), edge)));
  vi whole = floor_f(y) == y;
  vf half = y * 0.5f;
  vi odd = whole & (floor_f(half) != half);
  vf result = negated_where(odd & ((vi)x < 0), magnitude);
  vi outside = (x < 0.0f) & (x > -inf) & ~whole;
  result = sel_f(outside, splat_f(__builtin_nanf("")), result);
  return sel_f((y == 0.0f) | (x == 1.0f), splat_f(1.0f), result);
}
/* by squaring, modulo 2^32; 1 / x^|y| truncated for a negative exponent */
INLINE vu pow_u(vu x, vu y) {
  vu r = splat_u(1);
  for (int b = 0; b < 32; b++) { r = sel_u((vi)(((y >> b) & 1) != 0), r * x, r); x = x * x; }
  return r;
}
INLINE vi pow_i(vi x, vi y) {
  vi minus = sel_i((y & 1) != 0, splat_i(-1), splat_i(1));
  vi inverse = sel_i(x == 1, splat_i(1), sel_i(x == -1, minus, splat_i(0)));
  return sel_i(y < 0, inverse, (vi)pow_u((vu)x, (vu)y));
}
`

const division = `
/* truncates; x / 0 = 0, and the lowest integer divided by -1 wraps to itself */
INLINE vi div_i(vi x, vi y) {
  vi special = (y == 0) | (y == -1);
  vi q = x / sel_i(special, splat_i(1), y);
  return sel_i(y == 0, splat_i(0), sel_i(y == -1, (vi)(-(vu)x), q));
}
INLINE vu div_u(vu x, vu y) { vi none = (vi)(y == 0); return sel_u(none, splat_u(0), x / sel_u(none, splat_u(1), y)); }
/* with the divisor's sign */
INLINE vi mod_i(vi x, vi y) {
  vi d = sel_i((y == 0) | (y == -1), splat_i(1), y);
  vi r = x % d;
  return sel_i((r != 0) & ((r ^ d) < 0), r + d, r);
}
INLINE vu mod_u(vu x, vu y) { vi none = (vi)(y == 0); return sel_u(none, splat_u(0), x % sel_u(none, splat_u(1), y)); }
INLINE vf mod_f(vf x, vf y) {
  vf r = {};
  LANES(r[l] = __builtin_fmodf(x[l], y[l]))
  vf zero = (vf)((vi)y & (int32_t)0x80000000);
  return sel_f(r == 0.0f, zero, sel_f((r < 0.0f) ^ (y < 0.0f), r + y, r));
}
INLINE vf sign_f(vf x) { return sel_f(x > 0.0f, splat_f(1.0f), sel_f(x < 0.0f, splat_f(-1.0f), x)); }
`

const conversions = `
/* float to integer truncates and saturates; NaN gives 0 */
INLINE vi to_i(vf x) {
  vf inside = sel_f((x >= -2147483648.0f) & (x < 2147483648.0f), x, (vf){});
  return sel_i(x >= 2147483648.0f, splat_i(2147483647), sel_i(x < -2147483648.0f, splat_i((int32_t)0x80000000), __builtin_convertvector(inside, vi)));
}
INLINE vu to_u(vf x) {
  vf inside = sel_f((x > 0.0f) & (x < 4294967296.0f), x, (vf){});
  return sel_u(x >= 4294967296.0f, splat_u(4294967295u), __builtin_convertvector(inside, vu));
}
INLINE vf bf16_f(vi h) { return (vf)(h << 16); }
INLINE vf f16_f(vi h) {
  vi moved = (h << 13) & 0x0fffe000;
  vf finite = (vf)moved * 0x1p112f;
  vi other = (moved & 0x0f800000) == 0x0f800000;
  return with_sign(sel_f(other, (vf)(moved | 0x7f800000), finite), (vf)(h << 16));
}
INLINE vi f_bf16(vf x) { return (vi)((vu)x >> 16); }
INLINE vi f_f16(vf x) {
  vi size = (vi)x & 0x7fffffff;
  vi normal = (size >> 13) - (112 << 10);
  vi small = to_i((vf)size * 16777216.0f);
  vi special = sel_i(size > 0x7f800000, splat_i(0x7e00), splat_i(0x7c00));
  vi known = sel_i((vf)size < 0x1p-14f, small, sel_i(size >= 0x7f800000, special, normal));
  return known | (vi)(((vu)x >> 16) & 0x8000);
}
/* the nearest such float, ties to even */
INLINE vi upper_bits(vi bits, int dropped) {
  return (bits + ((1 << (dropped - 1)) - 1) + ((bits >> dropped) & 1)) & -(1 << dropped);
}
INLINE vf round_bf16(vf x) { return sel_f(is_nan(x), splat_f(__builtin_nanf("")), (vf)upper_bits((vi)x, 16)); }
INLINE vf round_f16(vf x) {
  vf size = abs_f(x);
  vi normal = upper_bits((vi)size, 13);
  vf small = round_f(size * 16777216.0f) * 0x1p-24f;
  vf ordinary = sel_f(normal >= 0x47800000, splat_f(__builtin_inff()), (vf)normal);
  vf value = sel_f(size < 0x1p-14f, small, ordinary);
  return with_sign(sel_f(is_nan(x), splat_f(__builtin_nanf("")), value), x);
}
`

export const functions = [exponentials, logarithms, hyperbolic, angles, powers, division, conversions].join('')
