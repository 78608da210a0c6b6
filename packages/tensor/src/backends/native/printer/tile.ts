/**
 * The inside of a dot, in C: one tile of sums in registers while k runs.
 *
 * A tile of 8 rows and 3 vectors of 16 columns holds 8 x 48 sums in 24 of 32 registers. A step of k loads the 48 columns of b as
 * three vectors, and for each of the 8 rows one element of a, spread over all lanes; then 24 times sum = sum + a b, with one
 * rounding: products are contracted here and nowhere else. Where there are 16 registers, 4 x 3 vectors take 12.
 */
import { optimized } from './function.ts'

export const tileName = (rows: number, vectors: number): string => `tile_${rows}_${vectors}`

/**
 * `a` has its rows `a_row` and its steps of k `a_k` elements apart; `b` its steps `b_k`, and each holds the columns side by
 * side. The sums of row i begin at sums + i * row; they are added to what is there where there is `more`.
 */
export const tileText = (rows: number, vectors: number): string => `
static __attribute__((noinline)) void ${tileName(rows, vectors)}(const float *a, long a_row, long a_k, const float *b, long b_k, long k, float *sums, long row, int more) {
#ifdef __clang__
#pragma clang fp contract(fast)
#endif
  vf c[${rows}][${vectors}];
  for (int i = 0; i < ${rows}; i++) for (int j = 0; j < ${vectors}; j++) c[i][j] = (vf){};
  for (long s = 0; s < k; s++, a += a_k, b += b_k) {
    vf x[${vectors}];
    for (int j = 0; j < ${vectors}; j++) x[j] = *(const vf_any *)(b + W * j);
    for (int i = 0; i < ${rows}; i++) {
      vf y = a[i * a_row] - (vf){};
      for (int j = 0; j < ${vectors}; j++) c[i][j] += y * x[j];
    }
  }
  for (int i = 0; i < ${rows}; i++)
    for (int j = 0; j < ${vectors}; j++) {
      vf_any *p = (vf_any *)(sums + row * i + W * j);
      if (more) c[i][j] += *p;
      *p = c[i][j];
    }
}
`

export const innerName = (columns: number, tail: number): string => `inner_${columns}_${tail}`

/**
 * A few rows of a, by columns of b that lie along k: lanes are steps of k, each column has a vector of partial sums, and a
 * transpose turns those of W columns into W vectors to add. So b is read once, as it lies. Columns are `b_n` elements apart;
 * k has `tail` steps after its last whole vector.
 */
export const innerText = (columns: number, tail: number, width: number): string => `
static __attribute__((noinline)) void ${innerName(columns, tail)}(const float *a, long a_row, int rows, const float *b, long b_n, long k, float *sums, long row, int more) {
#ifdef __clang__
#pragma clang fp contract(fast)
#endif
  for (int i = 0; i < rows; i++, a += a_row, sums += row) {
    vf c[W];
    for (int j = 0; j < W; j++) c[j] = (vf){};
    for (long s = 0; s + W <= k; s += W) {
      vf x = *(const vf_any *)(a + s);
      for (int j = 0; j < ${columns}; j++) c[j] += x * *(const vf_any *)(b + j * b_n + s);
    }
${
  tail === 0
    ? ''
    : `    vf x = load_f(a + k - ${tail}, ${tail});
    for (int j = 0; j < ${columns}; j++) c[j] += x * load_f(b + j * b_n + k - ${tail}, ${tail});`
}
    transpose(c);
    for (int n = ${width / 2}; n > 0; n /= 2) for (int j = 0; j < n; j++) c[j] += c[j + n];
    if (more) c[0] += *(vf_any *)sums;
    *(vf_any *)sums = c[0];
  }
}
`

/** Functions whose products and sums are one operation. */
export const contracted = (text: string): string => optimized('fp-contract=fast', text)

/** The transpose of W vectors: in each of log2 W steps, halves of groups of lanes change places between two vectors. */
export const transposeText = (width: number): string => {
  const lanes = Array.from({ length: width }, (_, l) => l)
  const steps: string[] = []
  for (let n = 1; n < width; n *= 2) {
    const low = lanes.map((l) => ((l & n) === 0 ? l : width + l - n))
    const high = lanes.map((l) => ((l & n) === 0 ? l + n : width + l))
    steps.push(
      `  for (int i = 0; i < W; i++) if ((i & ${n}) == 0) { vf x = t[i], y = t[i + ${n}]; t[i] = MIX(x, y, ${low.join()}); t[i + ${n}] = MIX(x, y, ${high.join()}); }`,
    )
  }
  return `
#ifdef __clang__
#define MIX(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define MIX(x, y, ...) __builtin_shuffle(x, y, (vi){__VA_ARGS__})
#endif
INLINE void transpose(vf *t) {
${steps.join('\n')}
}
`
}
