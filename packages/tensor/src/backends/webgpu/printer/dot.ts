/**
 * Dots as tiles. A lane accumulates perM x perN results in registers; a workgroup of lanesM x lanesN lanes covers a tile
 * of lanesM perM x lanesN perN results. With `depth` > 0 the operands of a tile are first evaluated into workgroup memory,
 * `depth` positions of k at a time; without, each lane evaluates what it needs (its rows are the same over the whole
 * workgroup where lanesM = 1). With `fours` they share what they read (see fours.ts).
 *
 * Sizes need not divide: operand positions beyond the edge are clamped into range, what lies beyond k counts as 0, and
 * stores beyond the edge are skipped. Operands and stores are any scalars: they become functions of (batch, row, column).
 */
import type { DotKernel } from '../../../loops/kernel.ts'
import type { Candidate } from '../../tuner/candidate.ts'
import { type MatrixCut, matrixCuts } from './fragments.ts'
import { foursOf, roundsOf } from './fours.ts'
import { matricesFor, printMatrices } from './matrix.ts'
import { count, inside, nearerAlong, productOf } from './product.ts'
import { nothing, type Shader, shader } from './shader.ts'
import { type DotTile, dotTiles, type Tuning } from './tuning.ts'

/**
 * Products that a sum takes before it is added to the others (see blocks.ts; a dot is as exact as a BLAS makes it). A
 * multiple of every depth of tiles.
 */
const KC = 512

/** How a product is cut: in plain tiles, or in those of subgroup matrices. */
export type DotChoice = DotTile | MatrixCut
const isCut = (choice: DotChoice): choice is MatrixCut => 'across' in choice

const productsOf = ({ batch }: DotKernel): number => batch.reduce((count, x) => count * x.extent, 1)

/** What a tuner chooses among, what is shipped first. */
export const dotChoices = (kernel: DotKernel, tuning: Tuning): readonly Candidate<DotChoice>[] => {
  const [m, n, k] = [kernel.m.extent, kernel.n.extent, kernel.k.extent]
  const batch = productsOf(kernel)
  const matrices = matricesFor(kernel, tuning)
  return matrices === null ? dotTiles(tuning, m, n, k, batch) : matrixCuts(matrices, m, n, batch)
}

/**
 * `choice`: null as the tuning has it. Sums of an element are made in the order of k in all of them. What subgroup matrices can
 * multiply they do, whatever the choice.
 */
export const printDot = (kernel: DotKernel, tuning: Tuning, choice: DotChoice | null = null): Shader => {
  const { m, n, k } = kernel
  const matrices = matricesFor(kernel, tuning)
  if (matrices !== null) return printMatrices(kernel, matrices, choice !== null && isCut(choice) ? choice : null)
  const [M, N, K] = [m.extent, n.extent, k.extent]
  const tile = choice === null || isCut(choice) ? tuning.dot(M, N, K, productsOf(kernel)) : choice
  const { lanesM, lanesN, perM, perN, depth, fours = false } = tile
  const inFours = fours ? foursOf(kernel, tile) : null
  const product = productOf(kernel, false, inFours?.buffers)
  const { elements, batch, operand, finish } = product
  if (M * N * batch === 0) return nothing

  const tileM = lanesM * perM
  const tileN = lanesN * perN
  const across = Math.ceil(N / tileN)
  const down = Math.ceil(M / tileM)
  const exactM = M % tileM === 0
  const exactN = N % tileN === 0
  const lanes = lanesM * lanesN

  const sum = K > KC ? 'part' : 'acc'
  const rounds = inFours === null ? null : roundsOf(kernel, product, tile, inFours, sum)
  const operands = rounds?.functions ?? operand('a_at', kernel.a, m, k) + operand('b_at', kernel.b, k, n)
  const functions = operands + finish()

  const lines: string[] = []
  const rows = count(perM)
  const cols = count(perN)
  lines.push(
    `let batch = i32(group / ${across * down}u);`,
    `let top = i32(group % ${across * down}u / ${across}u) * ${tileM}i;`,
    `let left = i32(group % ${across}u) * ${tileN}i;`,
    `let lm = ${lanesM === 1 ? '0i' : `i32(lane / ${lanesN}u)`};`,
    `let ln = ${lanesN === 1 ? '0i' : fours ? 'i32(member)' : lanesM === 1 ? 'i32(lane)' : `i32(lane % ${lanesN}u)`};`,
  )
  // The rows and columns of the result that this lane owns: columns stride by lanes, so that lanes are neighbours.
  const plus = (x: string, by: number): string => (by === 0 ? x : `${x} + ${by}i`)
  const row = (i: number): string => plus(lanesM === 1 ? 'top' : `top + lm * ${perM}i`, i)
  const col = (j: number): string => rounds?.column(j) ?? plus('left + ln', j * lanesN)
  const zeros = (name: string): void => {
    for (const i of rows) lines.push(cols.map((j) => `var ${name}${i}_${j} = 0.0;`).join(' '))
  }
  zeros('acc')
  const multiply = (i: number): string => cols.map((j) => `${sum}${i}_${j} = fma(x, y${j}, ${sum}${i}_${j});`).join(' ')
  /** The body for the steps of k between two expressions, in blocks where they are many. */
  const overK = (body: (from: string, to: string) => void): void => {
    if (K <= KC) {
      body('0i', `${K}i`)
      return
    }
    lines.push(`for (var block = 0i; block < ${K}i; block += ${KC}i) {`)
    zeros(sum)
    lines.push(`let end = min(block + ${KC}i, ${K}i);`)
    body('block', 'end')
    for (const i of rows) lines.push(cols.map((j) => `acc${i}_${j} += ${sum}${i}_${j};`).join(' '))
    lines.push('}')
  }

  let memory = ''
  if (K > 0 && rounds !== null) {
    lines.push(...rounds.before)
    overK((from, to) => {
      lines.push(`for (var q = ${from}; q < ${to}; q += 4i) {`, ...rounds.round.map((l) => `  ${l}`), '}')
    })
  } else if (K > 0 && depth === 0) {
    for (const i of rows) lines.push(`let r${i} = ${inside(M, row(i), exactM)};`)
    for (const j of cols) lines.push(`let c${j} = ${inside(N, col(j), exactN)};`)
    overK((from, to) => {
      lines.push(`for (var q = ${from}; q < ${to}; q += 1i) {`)
      for (const j of cols) lines.push(`  let y${j} = b_at(batch, q, c${j});`)
      for (const i of rows) lines.push(`  { let x = a_at(batch, r${i}, q); ${multiply(i)} }`)
      lines.push('}')
    })
  } else if (K > 0) {
    memory = `var<workgroup> tile_a: array<f32, ${depth * tileM}>;\nvar<workgroup> tile_b: array<f32, ${depth * tileN}>;\n`
    const exactK = K % depth === 0
    // What lies beyond k counts as -0 times 0, which changes no sum, not even one of -0: as if it were not added.
    // tile_a[q][r], tile_b[q][c]; lanes walk each tile along the axis whose neighbours are nearest in memory.
    const fill = (name: string, at: string, zero: string, width: number, alongK: boolean, position: string): void => {
      const [q, w] = alongK ? [`i % ${depth}i`, `i / ${depth}i`] : [`i / ${width}i`, `i % ${width}i`]
      const value = `${at}(batch, ${position})`
      lines.push(
        `  for (var i = i32(lane); i < ${depth * width}i; i += ${lanes}i) {`,
        `    let q = ${q};`,
        `    let w = ${w};`,
        `    let kq = ${inside(K, 'k0 + q', exactK)};`,
        `    ${name}[q * ${width}i + w] = ${exactK ? value : `select(${zero}, ${value}, k0 + q < ${K}i)`};`,
        '  }',
      )
    }
    overK((from, to) => {
      lines.push(`for (var k0 = ${from}; k0 < ${to}; k0 += ${depth}i) {`)
      fill('tile_a', 'a_at', '-0.0', tileM, nearerAlong(kernel.a, k, m), `${inside(M, 'top + w', exactM)}, kq`)
      fill('tile_b', 'b_at', '0.0', tileN, nearerAlong(kernel.b, k, n), `kq, ${inside(N, 'left + w', exactN)}`)
      lines.push('  workgroupBarrier();', `  for (var q = 0i; q < ${depth}i; q += 1i) {`)
      for (const j of cols) lines.push(`    let y${j} = tile_b[${plus(`q * ${tileN}i + ln`, j * lanesN)}];`)
      for (const i of rows)
        lines.push(`    { let x = tile_a[${plus(`q * ${tileM}i + lm * ${perM}i`, i)}]; ${multiply(i)} }`)
      lines.push('  }', '  workgroupBarrier();', '}')
    })
  }

  if (perM * perN <= 16) {
    for (const i of rows)
      for (const j of cols) {
        const guard = [exactM ? '' : `${row(i)} < ${M}i`, exactN ? '' : `${col(j)} < ${N}i`]
          .filter((g) => g !== '')
          .join(' && ')
        const call = `finish(batch, ${row(i)}, ${col(j)}, acc${i}_${j});`
        lines.push(guard === '' ? call : `if (${guard}) { ${call} }`)
      }
  } else {
    // Many results a lane: through an array, so that the epilogue stands in the shader once.
    lines.push(`var results: array<f32, ${perM * perN}>;`)
    for (const i of rows) lines.push(cols.map((j) => `results[${i * perN + j}] = acc${i}_${j};`).join(' '))
    lines.push(
      `for (var i = 0i; i < ${perM}i; i += 1i) {`,
      `  let r = top + lm * ${perM}i + i;`,
      ...(exactM ? [] : [`  if (r >= ${M}i) { break; }`]),
      `  for (var j = 0i; j < ${perN}i; j += 1i) {`,
      `    let c = ${rounds?.column('j') ?? `left + ln + j * ${lanesN}i`};`,
      ...(exactN ? [] : [`    if (c >= ${N}i) { break; }`]),
      `    finish(batch, r, c, results[i * ${perN}i + j]);`,
      '  }',
      '}',
    )
  }
  const text = lines.map((l) => `  ${l}\n`).join('')
  return shader(elements, across * down * batch, lanes, memory + functions, text)
}
