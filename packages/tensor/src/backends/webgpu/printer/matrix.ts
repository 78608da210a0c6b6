/**
 * Products by subgroup matrices: of operands whose elements are numbers of f16 as they stand, with sums in f32. (An operand of
 * f32 would have to be rounded, which changes the result; it has plain tiles, see dot.ts.)
 *
 * The operands of a tile are copied to workgroup memory, `depth` steps of k at a time, as they lie: rows of k where k is
 * nearest, else rows of m or n. Each subgroup adds up its fragments, and writes them row by row of fragments to a strip of
 * workgroup memory, from which lanes take the sums to what the kernel makes of them.
 *
 * Sizes need not divide: positions beyond the edge are clamped into range, what lies beyond k is 0 on both sides (0 times
 * infinity is no 0), and stores beyond the edge are skipped. All of it is in uniform control flow, as subgroup matrices and
 * barriers have to be.
 */
import type { Axis } from '../../../loops/ix.ts'
import type { DotKernel, KernelBuffer } from '../../../loops/kernel.ts'
import type { Scalar } from '../../../loops/scalar.ts'
import { cutOf, GAP, type MatrixCut, tileOf } from './fragments.ts'
import { count, inside, nearerAlong, pairsAlong, type Product, productOf, type Result } from './product.ts'
import { nothing, type Shader, shader } from './shader.ts'
import type { Matrices, Tuning } from './tuning.ts'

/** Whether each value is a number of f16: loaded as one, rounded to one, or chosen among such. */
const isF16 = (s: Scalar, buffers: readonly KernelBuffer[]): boolean => {
  switch (s.kind) {
    case 'load':
      return buffers[s.buffer]!.dtype === 'f16'
    case 'unary':
      return s.op === 'f16'
    case 'select':
      return isF16(s.x, buffers) && isF16(s.y, buffers)
    case 'const':
      return s.dtype === 'f32' && s.value === 0 // padding
    default:
      return false
  }
}

/** The matrices that multiply a product: by the kernel and the tuning alone, so that bits depend on nothing else. Null for plain tiles. */
export const matricesFor = ({ buffers, m, n, k, a, b }: DotKernel, { matrices }: Tuning): Matrices | null =>
  matrices !== null &&
  m.extent >= matrices.m &&
  n.extent >= matrices.n &&
  k.extent >= matrices.k &&
  [a, b].every((s) => isF16(s, buffers))
    ? matrices
    : null

/** An operand's tile in workgroup memory. */
interface Tile {
  readonly name: string
  readonly at: string
  readonly declaration: string
  /** Rows of the tile are along k. */
  readonly alongK: boolean
  /** How far apart its rows are. */
  readonly stride: number
  /** Lines that fill it for the steps from k0. */
  readonly fill: readonly string[]
  /** A fragment's first element, `from` along the result's axis and `step` along k. */
  readonly offset: (from: string, step: number) => string
}

interface Operand {
  readonly name: 'a' | 'b'
  readonly s: Scalar
  readonly axis: Axis
  /** The first position of the tile. */
  readonly first: string
  readonly width: number
}

const tileOfOperand = (
  { operand, elements }: Product,
  { buffers, m, n, k }: DotKernel,
  { name, s, axis, first, width }: Operand,
  depth: number,
  lanes: number,
): Tile => {
  const alongK = nearerAlong(s, k, axis)
  const near = alongK ? k : axis
  const [rows, columns] = alongK ? [width, depth] : [depth, width]
  const stride = columns + GAP
  // two elements at a time, where they are one word
  const pairs = s.kind === 'load' && pairsAlong(s.at, near)
  const step = pairs ? 2 : 1
  const result: Result = {
    type: 'u32',
    text: (out, value) => {
      if (value.kind !== 'load' || buffers[value.buffer]!.dtype !== 'f16') return `bits_f16(${out.value(value)})`
      const at = out.index(value.at)
      return pairs ? elements.word(value.buffer, at) : elements.bits(value.buffer, at)
    },
  }
  const [row, column] = name === 'a' ? [m, k] : [k, n]
  const exact = axis.extent % width === 0
  const exactK = k.extent % depth === 0
  // Of a pair beyond an even edge the last word is read.
  const across = inside(axis.extent, `${first} + w`, exact)
  const value = `${name}_at(batch, ${name === 'a' ? `${across}, kq` : `kq, ${across}`})`
  const [q, w] = alongK ? ['column', 'row'] : ['row', 'column']
  const to = `tile_${name}[row * ${stride}i + column`
  return {
    name: `tile_${name}`,
    at: operand(`${name}_at`, s, row, column, result),
    declaration: `var<workgroup> tile_${name}: array<f16, ${rows * stride}>;\n`,
    alongK,
    stride,
    fill: [
      `for (var i = i32(lane); i < ${(rows * columns) / step}i; i += ${lanes}i) {`,
      `  let row = i / ${columns / step}i;`,
      `  let column = i % ${columns / step}i${pairs ? ' * 2i' : ''};`,
      `  let q = ${q};`,
      `  let w = ${w};`,
      `  let kq = ${inside(k.extent, 'k0 + q', exactK)};`,
      `  let halves = bitcast<vec2<f16>>(${exactK ? value : `select(0u, ${value}, k0 + q < ${k.extent}i)`});`,
      `  ${to}] = halves.x;`,
      ...(pairs ? [`  ${to} + 1i] = halves.y;`] : []),
      '}',
    ],
    offset: (from, at) => (alongK ? `(${from}) * ${stride}i + ${at}i` : `${at * stride}i + ${from}`),
  }
}

/** `given`: the cut, null as the product's size has it. No bit depends on it: a sum is made in the order of k, a fragment at a time. */
export const printMatrices = (kernel: DotKernel, matrices: Matrices, given: MatrixCut | null = null): Shader => {
  const { m, n, k } = kernel
  const [M, N, K] = [m.extent, n.extent, k.extent]
  const product = productOf(kernel, true)
  const { elements, batch, finish, finishPair } = product
  if (batch === 0) return nothing
  const cut = given ?? cutOf(matrices, M, N, batch)
  const { down, across, perM, perN, depth } = cut
  const [tileM, tileN] = tileOf(matrices, cut)
  const groupsAcross = Math.ceil(N / tileN)
  const groupsDown = Math.ceil(M / tileM)
  const lanes = down * across * matrices.subgroup
  const ofA: Operand = { name: 'a', s: kernel.a, axis: m, first: 'top', width: tileM }
  const ofB: Operand = { name: 'b', s: kernel.b, axis: n, first: 'left', width: tileN }
  const [a, b] = [ofA, ofB].map((one) => tileOfOperand(product, kernel, one, depth, lanes)) as [Tile, Tile]

  const left = `subgroup_matrix_left<f16, ${matrices.k}, ${matrices.m}>`
  const right = `subgroup_matrix_right<f16, ${matrices.n}, ${matrices.k}>`
  const result = `subgroup_matrix_result<f32, ${matrices.n}, ${matrices.m}>`
  const rows = count(perM)
  const cols = count(perN)
  const tall = perM * matrices.m
  const wide = perN * matrices.n
  const lines: string[] = [
    `let batch = i32(group / ${groupsAcross * groupsDown}u);`,
    `let top = i32(group % ${groupsAcross * groupsDown}u / ${groupsAcross}u) * ${tileM}i;`,
    `let left = i32(group % ${groupsAcross}u) * ${tileN}i;`,
    `let sm = i32(subgroup / ${across}u) * ${tall}i;`,
    `let sn = i32(subgroup % ${across}u) * ${wide}i;`,
    ...rows.map((i) => cols.map((j) => `var acc${i}_${j}: ${result};`).join(' ')),
    `for (var k0 = 0i; k0 < ${K}i; k0 += ${depth}i) {`,
    ...[...a.fill, ...b.fill, 'workgroupBarrier();'].map((l) => `  ${l}`),
  ]
  // A row-major left matrix has its rows along k, a row-major right one its rows along n.
  const load = (tile: Tile, type: string, rowMajor: boolean, from: string, at: number): string =>
    `subgroupMatrixLoad<${type}, ${rowMajor ? 'row_major' : 'col_major'}>(&${tile.name}, ${tile.offset(from, at)}, ${tile.stride}i)`
  for (let at = 0; at < depth; at += matrices.k) {
    lines.push('  {')
    for (const i of rows) lines.push(`    let x${i} = ${load(a, left, a.alongK, `sm + ${i * matrices.m}i`, at)};`)
    for (const j of cols) lines.push(`    let y${j} = ${load(b, right, !b.alongK, `sn + ${j * matrices.n}i`, at)};`)
    for (const i of rows)
      for (const j of cols)
        lines.push(`    acc${i}_${j} = subgroupMatrixMultiplyAccumulate(x${i}, y${j}, acc${i}_${j});`)
    lines.push('  }')
  }
  lines.push('  workgroupBarrier();', '}')

  const strip = matrices.m * wide
  const strips = down * across * strip
  lines.push(`let own = i32(subgroup) * ${strip}i;`)
  for (const i of rows) {
    for (const j of cols)
      lines.push(`subgroupMatrixStore<row_major>(&strips, own + ${j * matrices.n}i, acc${i}_${j}, ${wide}i);`)
    lines.push('workgroupBarrier();', `finish_strips(batch, top + ${i * matrices.m}i, left, i32(lane));`)
    if (i < perM - 1) lines.push('workgroupBarrier();')
  }

  // The strips as one, lane by lane along their rows.
  const pair = finishPair()
  const step = pair === null ? 1 : 2
  const exactM = M % tileM === 0
  const exactN = N % tileN === 0
  const guard = [exactM ? '' : `r < ${M}i`, exactN ? '' : `c < ${N}i`].filter((g) => g !== '').join(' && ')
  const call =
    pair === null ? 'finish(batch, r, c, strips[e]);' : 'finish_pair(batch, r, c, strips[e], strips[e + 1i]);'
  const finishStrips = [
    'fn finish_strips(batch: i32, top: i32, left: i32, lane: i32) {',
    `  for (var e = lane${pair === null ? '' : ' * 2i'}; e < ${strips}i; e += ${lanes * step}i) {`,
    `    let s = e / ${strip}i;`,
    `    let r = top + s / ${across}i * ${tall}i + e % ${strip}i / ${wide}i;`,
    `    let c = left + s % ${across}i * ${wide}i + e % ${wide}i;`,
    `    ${guard === '' ? call : `if (${guard}) { ${call} }`}`,
    '  }',
    '}\n',
  ].join('\n')

  const memory = `${a.declaration}${b.declaration}var<workgroup> strips: array<f32, ${strips}>;\n`
  const functions = [a.at, b.at, pair ?? finish(), finishStrips].join('')
  const text = lines.map((l) => `  ${l}\n`).join('')
  return shader(elements, groupsAcross * groupsDown * batch, lanes, memory + functions, text)
}
