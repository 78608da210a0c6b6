/**
 * The vectors that printed C computes with, in the extensions of GCC and clang: W lanes of f32, i32 and u32, and masks (all bits
 * of a lane, or none) for bool. What all lanes share is a vector too: its lanes are equal, and a table of operators is enough.
 *
 * Where an operation has no form on vectors (rounding, roots, a product and a sum with one rounding), a loop goes over the lanes;
 * compilers make one instruction of it, at length: a polynomial of twelve terms is twelve loops to analyse. So it is the
 * instruction itself where GCC has it by a name; its value is the same, rounded correctly. Products and sums are contracted
 * nowhere else, so that a value has the same bits wherever it is computed.
 */

/** Lanes are W; elements past the `n` that count are neither read nor written. */
export const vectors = `
#include <stdint.h>
#include <string.h>
#define INLINE static inline __attribute__((always_inline, unused))
typedef float vf __attribute__((vector_size(4 * W)));
typedef int32_t vi __attribute__((vector_size(4 * W)));
typedef uint32_t vu __attribute__((vector_size(4 * W)));
typedef uint16_t vh __attribute__((vector_size(2 * W)));
typedef double vd __attribute__((vector_size(4 * W)));
typedef float vf_any __attribute__((vector_size(4 * W), aligned(4), may_alias));
typedef int32_t vi_any __attribute__((vector_size(4 * W), aligned(4), may_alias));
typedef uint16_t vh_any __attribute__((vector_size(2 * W), aligned(2), may_alias));
#define LANES(body) for (int l = 0; l < W; l++) { body; }
#ifdef __has_builtin
#define HAS(name) __has_builtin(name)
#else
#define HAS(name) 0
#endif

INLINE vf splat_f(float x) { return x - (vf){}; }
INLINE vi splat_i(int32_t x) { return x - (vi){}; }
INLINE vu splat_u(uint32_t x) { return x - (vu){}; }
INLINE vf bits_f(int32_t x) { return (vf)splat_i(x); }
INLINE vi lanes(void) { vi r = {}; LANES(r[l] = l) return r; }
INLINE vi first(int n) { return lanes() < splat_i(n); }
INLINE vf sel_f(vi m, vf x, vf y) { return (vf)((m & (vi)x) | (~m & (vi)y)); }
INLINE vi sel_i(vi m, vi x, vi y) { return (m & x) | (~m & y); }
INLINE vu sel_u(vi m, vu x, vu y) { return (vu)sel_i(m, (vi)x, (vi)y); }
#if W == 16 && !defined(__clang__) && HAS(__builtin_ia32_cvtd2mask512)
INLINE int any(vi m) { return (uint16_t)__builtin_ia32_cvtd2mask512(m) != 0; }
#elif W == 8 && !defined(__clang__) && HAS(__builtin_ia32_movmskps256)
INLINE int any(vi m) { return __builtin_ia32_movmskps256((vf)m) != 0; }
#else
INLINE int any(vi m) { int32_t r = 0; LANES(r |= m[l]) return r != 0; }
#endif

INLINE vf load_f(const float *p, int n) { if (n == W) return *(const vf_any *)p; vf r = {}; memcpy(&r, p, 4 * n); return r; }
INLINE vi load_i(const int32_t *p, int n) { if (n == W) return *(const vi_any *)p; vi r = {}; memcpy(&r, p, 4 * n); return r; }
INLINE vi load_h(const uint16_t *p, int n) {
  vh r = {};
  if (n == W) r = *(const vh_any *)p; else memcpy(&r, p, 2 * n);
  return __builtin_convertvector(r, vi);
}
INLINE vf every_f(const float *p, long step, int n) { vf r = {}; for (int l = 0; l < n; l++) r[l] = p[l * step]; return r; }
INLINE vi every_i(const int32_t *p, long step, int n) { vi r = {}; for (int l = 0; l < n; l++) r[l] = p[l * step]; return r; }
INLINE vi every_h(const uint16_t *p, long step, int n) { vi r = {}; for (int l = 0; l < n; l++) r[l] = p[l * step]; return r; }
INLINE vf gather_f(const float *p, vi at, int n) { vf r = {}; for (int l = 0; l < n; l++) r[l] = p[at[l]]; return r; }
INLINE vi gather_i(const int32_t *p, vi at, int n) { vi r = {}; for (int l = 0; l < n; l++) r[l] = p[at[l]]; return r; }
INLINE vi gather_h(const uint16_t *p, vi at, int n) { vi r = {}; for (int l = 0; l < n; l++) r[l] = p[at[l]]; return r; }

INLINE void store_f(float *p, vf x, int n) { if (n == W) *(vf_any *)p = x; else memcpy(p, &x, 4 * n); }
INLINE void store_i(int32_t *p, vi x, int n) { if (n == W) *(vi_any *)p = x; else memcpy(p, &x, 4 * n); }
INLINE void store_h(uint16_t *p, vi x, int n) { vh r = __builtin_convertvector(x, vh); if (n == W) *(vh_any *)p = r; else memcpy(p, &r, 2 * n); }
INLINE void scatter_f(float *p, vi at, vf x, int n) { for (int l = 0; l < n; l++) p[at[l]] = x[l]; }
INLINE void scatter_i(int32_t *p, vi at, vi x, int n) { for (int l = 0; l < n; l++) p[at[l]] = x[l]; }
INLINE void scatter_h(uint16_t *p, vi at, vi x, int n) { for (int l = 0; l < n; l++) p[at[l]] = (uint16_t)x[l]; }
INLINE void spread_f(float *p, long step, vf x, int n) { for (int l = 0; l < n; l++) p[l * step] = x[l]; }
INLINE void spread_i(int32_t *p, long step, vi x, int n) { for (int l = 0; l < n; l++) p[l * step] = x[l]; }
INLINE void spread_h(uint16_t *p, long step, vi x, int n) { for (int l = 0; l < n; l++) p[l * step] = (uint16_t)x[l]; }
INLINE void increase_f(float *p, vi at, vf x, int n) { for (int l = 0; l < n; l++) p[at[l]] += x[l]; }
INLINE void increase_i(int32_t *p, vi at, vi x, int n) { for (int l = 0; l < n; l++) p[at[l]] = (int32_t)((uint32_t)p[at[l]] + (uint32_t)x[l]); }
INLINE void either_i(int32_t *p, vi at, vi x, int n) { for (int l = 0; l < n; l++) p[at[l]] |= x[l]; }
INLINE void increase_step_f(float *p, long step, vf x, int n) { for (int l = 0; l < n; l++) p[l * step] += x[l]; }
INLINE void increase_step_i(int32_t *p, long step, vi x, int n) { for (int l = 0; l < n; l++) p[l * step] = (int32_t)((uint32_t)p[l * step] + (uint32_t)x[l]); }
INLINE void either_step_i(int32_t *p, long step, vi x, int n) { for (int l = 0; l < n; l++) p[l * step] |= x[l]; }

#if W == 16 && !defined(__clang__) && HAS(__builtin_ia32_vfmaddps512_mask) && HAS(__builtin_ia32_rndscaleps_mask) && HAS(__builtin_ia32_sqrtps512_mask)
#define FUSED(x, y, z) (vf)__builtin_ia32_vfmaddps512_mask(x, y, z, -1, 4)
#define ROUNDED(x, how) (vf)__builtin_ia32_rndscaleps_mask(x, how, x, -1, 4)
#define ROOT(x) (vf)__builtin_ia32_sqrtps512_mask(x, x, -1, 4)
#elif W == 8 && !defined(__clang__) && defined(__FMA__) && HAS(__builtin_ia32_vfmaddps256) && HAS(__builtin_ia32_roundps256) && HAS(__builtin_ia32_sqrtps256)
#define FUSED(x, y, z) (vf)__builtin_ia32_vfmaddps256(x, y, z)
#define ROUNDED(x, how) (vf)__builtin_ia32_roundps256(x, how)
#define ROOT(x) (vf)__builtin_ia32_sqrtps256(x)
#endif
#ifdef FUSED
INLINE vf fma_f(vf x, vf y, vf z) { return FUSED(x, y, z); }
INLINE vf floor_f(vf x) { return ROUNDED(x, 9); }
INLINE vf ceil_f(vf x) { return ROUNDED(x, 10); }
INLINE vf round_f(vf x) { return ROUNDED(x, 4); }
INLINE vf sqrt_f(vf x) { return ROOT(x); }
#else
INLINE vf fma_f(vf x, vf y, vf z) { vf r = {}; LANES(r[l] = __builtin_fmaf(x[l], y[l], z[l])) return r; }
INLINE vf floor_f(vf x) { vf r = {}; LANES(r[l] = __builtin_floorf(x[l])) return r; }
INLINE vf ceil_f(vf x) { vf r = {}; LANES(r[l] = __builtin_ceilf(x[l])) return r; }
INLINE vf round_f(vf x) { vf r = {}; LANES(r[l] = __builtin_rintf(x[l])) return r; }
INLINE vf sqrt_f(vf x) { vf r = {}; LANES(r[l] = __builtin_sqrtf(x[l])) return r; }
#endif
INLINE vf abs_f(vf x) { return (vf)((vi)x & 0x7fffffff); }
INLINE vf neg_f(vf x) { return (vf)((vi)x ^ (int32_t)0x80000000); }
INLINE vf with_sign(vf x, vf y) { return (vf)((vi)x | ((vi)y & (int32_t)0x80000000)); }
INLINE vi is_nan(vf x) { return x != x; }
#if W == 16 && !defined(__clang__) && HAS(__builtin_ia32_rangeps512_mask) && HAS(__builtin_ia32_addps512_mask) && HAS(__builtin_ia32_cmpps512_mask)
/* of -0 and 0 the instruction knows the greater; of a NaN and a number it takes the number, where the sum is NaN */
#define ORDERED(x, y, how) (vf)__builtin_ia32_addps512_mask(x, y, (vf)__builtin_ia32_rangeps512_mask(x, y, how, x, -1, 4), __builtin_ia32_cmpps512_mask(x, y, 3, -1, 4), 4)
INLINE vf max_f(vf x, vf y) { return ORDERED(x, y, 5); }
INLINE vf min_f(vf x, vf y) { return ORDERED(x, y, 4); }
#else
INLINE vf max_f(vf x, vf y) { return sel_f(x == y, (vf)((vi)x & (vi)y), sel_f((x > y) | is_nan(x), x, y)); }
INLINE vf min_f(vf x, vf y) { return sel_f(x == y, (vf)((vi)x | (vi)y), sel_f((x < y) | is_nan(x), x, y)); }
#endif
INLINE vi max_i(vi x, vi y) { return sel_i(x > y, x, y); }
INLINE vi min_i(vi x, vi y) { return sel_i(x < y, x, y); }
INLINE vu max_u(vu x, vu y) { return sel_u((vi)(x > y), x, y); }
INLINE vu min_u(vu x, vu y) { return sel_u((vi)(x < y), x, y); }

INLINE vi clamp_i(vi x, int32_t lo, int32_t hi) { return min_i(max_i(x, splat_i(lo)), splat_i(hi)); }
INLINE vi clamp_u(vu x, uint32_t hi) { return (vi)min_u(x, splat_u(hi)); }
INLINE long clamp(long x, long lo, long hi) { return x < lo ? lo : x > hi ? hi : x; }
INLINE long floor_div(long x, long n) { long q = x / n; return q * n > x ? q - 1 : q; }
INLINE vi floor_div_i(vi x, int32_t n) { vi q = x / n; return q + (q * n > x); }

/* What many numbers are divided by: 1 / y, and whether that serves. */
typedef struct { vf y, inverse; int serves; } divisor;
#ifdef FUSED
INLINE divisor divisor_of(vf y) { return (divisor){y, 1.0f / y, !any(~((abs_f(y) >= 0x1p-40f) & (abs_f(y) <= 0x1p40f)))}; }
/*
 * x / y, rounded correctly, by products (Markstein 1990): with r = 1 / y and q = x r, both rounded, the rest e = x - q y is exact,
 * and q + e r rounds to x / y. That holds where nothing is too small or too large on the way, which y and the exponent of x tell:
 * 2^-80 <= |x| < 2^80; beyond, numbers are divided but 0, whose q is right and keeps its sign. (Of a smaller x the rest may be too small
 * for a float and seem nothing, where q is not right.) Where nothing is left, or x is no number, it is q.
 */
#define BEYOND(x) (((vu)x << 1) - 0x2f000000u)
INLINE vf div_by(vf x, divisor d) {
  if (!d.serves) return x / d.y;
  vf q = x * d.inverse;
  vf e = fma_f(-q, d.y, x);
#if W == 16 && HAS(__builtin_ia32_vfmaddps512_mask3) && HAS(__builtin_ia32_ucmpd512_mask)
  uint16_t rest = __builtin_ia32_cmpps512_mask(e, (vf){}, 12, -1, 4);
  uint16_t beyond = __builtin_ia32_ucmpd512_mask((vi)BEYOND(x), splat_i((int32_t)0xa0000000), 5, __builtin_ia32_cmpps512_mask(x, (vf){}, 12, -1, 4));
  if (__builtin_expect(beyond != 0, 0)) return x / d.y;
  return (vf)__builtin_ia32_vfmaddps512_mask3(e, d.inverse, q, rest, 4);
#else
  vi rest = (e < 0.0f) | (e > 0.0f);
  if (__builtin_expect(any(((x < 0.0f) | (x > 0.0f)) & (vi)(BEYOND(x) >= 0xa0000000u)), 0)) return x / d.y;
  return sel_f(rest, fma_f(e, d.inverse, q), q);
#endif
}
#else
INLINE divisor divisor_of(vf y) { return (divisor){y, y, 0}; }
INLINE vf div_by(vf x, divisor d) { return x / d.y; }
#endif

/* sums in doubles, one half of the lanes in each */
typedef struct { vd low, high; } wide;
#if HAS(__builtin_shufflevector) && (W == 16 || W == 8)
typedef float vf_half __attribute__((vector_size(2 * W)));
#if W == 16
#define LOW 0, 1, 2, 3, 4, 5, 6, 7
#define HIGH 8, 9, 10, 11, 12, 13, 14, 15
#else
#define LOW 0, 1, 2, 3
#define HIGH 4, 5, 6, 7
#endif
INLINE wide widened(vf x) { return (wide){__builtin_convertvector(__builtin_shufflevector(x, x, LOW), vd), __builtin_convertvector(__builtin_shufflevector(x, x, HIGH), vd)}; }
INLINE vf narrowed(wide x) { return __builtin_shufflevector(__builtin_convertvector(x.low, vf_half), __builtin_convertvector(x.high, vf_half), LOW, HIGH); }
#else
INLINE wide widened(vf x) { wide r = {}; for (int l = 0; l < W / 2; l++) { r.low[l] = x[l]; r.high[l] = x[l + W / 2]; } return r; }
INLINE vf narrowed(wide x) { vf r = {}; for (int l = 0; l < W / 2; l++) { r[l] = (float)x.low[l]; r[l + W / 2] = (float)x.high[l]; } return r; }
#endif
INLINE wide wide_add(wide x, vf y) { wide z = widened(y); return (wide){x.low + z.low, x.high + z.high}; }
/* all lanes folded into one, halves onto halves */
#define ACROSS(name, V, T, op) INLINE V name(V x) { T t[W]; memcpy(t, &x, sizeof x); for (int n = W / 2; n > 0; n /= 2) for (int l = 0; l < n; l++) t[l] = op(t[l], t[l + n]); return splat_##V(t[0]); }
#define splat_vf splat_f
#define splat_vi splat_i
#define splat_vu splat_u
INLINE double wide_across(wide x) { double t[W / 2]; vd s = x.low + x.high; memcpy(t, &s, sizeof t); for (int n = W / 4; n > 0; n /= 2) for (int l = 0; l < n; l++) t[l] += t[l + n]; return t[0]; }
#define PLUS(x, y) ((x) + (y))
#define TIMES(x, y) ((x) * (y))
#define MORE(x, y) ((x) > (y) ? (x) : (y))
#define LESS(x, y) ((x) < (y) ? (x) : (y))
#define BOTH(x, y) ((x) & (y))
#define EITHER(x, y) ((x) | (y))
ACROSS(across_sum_f, vf, float, PLUS)
ACROSS(across_prod_f, vf, float, TIMES)
ACROSS(across_sum_u, vu, uint32_t, PLUS)
ACROSS(across_prod_u, vu, uint32_t, TIMES)
ACROSS(across_max_u, vu, uint32_t, MORE)
ACROSS(across_min_u, vu, uint32_t, LESS)
ACROSS(across_max_i, vi, int32_t, MORE)
ACROSS(across_min_i, vi, int32_t, LESS)
ACROSS(across_and, vi, int32_t, BOTH)
ACROSS(across_or, vi, int32_t, EITHER)
INLINE vi across_sum_i(vi x) { return (vi)across_sum_u((vu)x); }
INLINE vi across_prod_i(vi x) { return (vi)across_prod_u((vu)x); }
/* the other half of each group of 2 n lanes */
#ifdef __clang__
INLINE vf swapped(vf x, int n) { vf r = {}; LANES(r[l] = x[l ^ n]) return r; }
#else
INLINE vf swapped(vf x, int n) { return __builtin_shuffle(x, lanes() ^ splat_i(n)); }
#endif
INLINE vf across_max_f(vf x) { for (int n = W / 2; n > 0; n /= 2) x = max_f(x, swapped(x, n)); return x; }
INLINE vf across_min_f(vf x) { for (int n = W / 2; n > 0; n /= 2) x = min_f(x, swapped(x, n)); return x; }
`
