/**
 * Dots as tiles. A lane accumulates perM x perN results in registers; a workgroup of lanesM x lanesN lanes covers a tile
 * of lanesM perM x lanesN perN results. With `depth` > 0 the operands of a tile are first evaluated into workgroup memory,
 * `depth` positions of k at a time; without, each lane evaluates what it needs (its rows are the same over the whole
 * workgroup where lanesM = 1, which a CPU loads once).
 *
 * Sizes need not divide: operand positions beyond the edge are clamped into range, what lies beyond k counts as 0, and
 * stores beyond the edge are skipped. Operands and stores are any scalars: they become functions of (batch, row, column).
 */
import { type Axis, type Ix, ofAxis, unflatten } from '../../../loops/ix.ts'
import type { DotKernel } from '../../../loops/kernel.ts'
import { linearize, type Scalar } from '../../../loops/scalar.ts'
import { substituteAxes } from '../../../loops/substitute.ts'
import { body } from './body.ts'
import { type Elements, elementsOf } from './elements.ts'
import { castText } from './ops.ts'
import { nothing, type Shader, shader, writeStores } from './shader.ts'
import type { DotTile, Tuning } from './tuning.ts'

const BATCH = -2
/**
 * Products that a sum takes before it is added to the others (see blocks.ts; a dot is as exact as a BLAS makes it). A
 * multiple of every depth of tiles.
 */
const KC = 512

const operand = (
  name: string,
  elements: Elements,
  s: Scalar,
  row: Axis,
  col: Axis,
  map: (s: Scalar) => Scalar,
): string => {
  const names = new Map([
    [BATCH, 'batch'],
    [row.id, 'r'],
    [col.id, 'c'],
  ])
  const out = body(
    elements,
    (a) => names.get(a.id)!,
    () => ({ text: 'acc', level: 0 }),
  )
  const value = out.value(map(s))
  return `fn ${name}(batch: i32, r: i32, c: i32) -> f32 {\n${out.text()}  return ${castText('f32', value, s.dtype)};\n}\n`
}

const epilogue = (kernel: DotKernel, elements: Elements, map: (s: Scalar) => Scalar): string => {
  const names = new Map([
    [BATCH, 'batch'],
    [kernel.m.id, 'r'],
    [kernel.n.id, 'c'],
  ])
  const out = body(
    elements,
    (a) => names.get(a.id)!,
    () => ({ text: 'acc', level: 0 }),
  )
  const stores = kernel.stores.map((s) => {
    const at = map({ id: -1, kind: 'index', dtype: 'i32', ix: s.at })
    return { ...s, value: map(s.value), at: at.kind === 'index' ? at.ix : s.at }
  })
  writeStores(out, elements, stores)
  return `fn finish(batch: i32, r: i32, c: i32, acc: f32) {\n${out.text()}}\n`
}

/** How far apart in memory neighbours along `axis` are, by the scalar's first load; Infinity where they are not in a line. */
const stride = (s: Scalar, axis: Axis): number => {
  for (const l of linearize([s])) {
    if (l.kind !== 'load') continue
    const term = l.at.terms.find((t) => t.atom.kind === 'axis' && t.atom.axis.id === axis.id)
    if (term !== undefined) return Math.abs(term.coef)
  }
  return Infinity
}

const count = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)
const inside = (limit: number, x: string, exact: boolean): string => (exact ? x : `min(${x}, ${limit - 1}i)`)

/** `tile`: null as the tuning has it. Sums of an element are made in the order of k in all of them. */
export const printDot = (kernel: DotKernel, tuning: Tuning, tile: DotTile | null = null): Shader => {
  const { m, n, k } = kernel
  if (kernel.reductions.length > 0)
    throw new Error(`kernel ${kernel.name}: webgpu has no whole rows of a product; capabilities say which devices do`)
  const elements = elementsOf(kernel.buffers)
  const [M, N, K] = [m.extent, n.extent, k.extent]
  const batch = kernel.batch.reduce((p, a) => p * a.extent, 1)
  if (M * N * batch === 0) return nothing

  const { lanesM, lanesN, perM, perN, depth } = tile ?? tuning.dot(M, N, K, batch)
  const tileM = lanesM * perM
  const tileN = lanesN * perN
  const across = Math.ceil(N / tileN)
  const down = Math.ceil(M / tileM)
  const exactM = M % tileM === 0
  const exactN = N % tileN === 0
  const lanes = lanesM * lanesN

  const parts = unflatten(
    ofAxis({ id: BATCH, extent: batch }),
    kernel.batch.map((a) => a.extent),
  )
  const images = new Map<number, Ix>(kernel.batch.map((a, i) => [a.id, parts[i]!]))
  const substituted = substituteAxes((a) => images.get(a.id) ?? ofAxis(a))
  const map = (s: Scalar): Scalar => substituted([s])[0]!
  const functions = [
    operand('a_at', elements, kernel.a, m, k, map),
    operand('b_at', elements, kernel.b, k, n, map),
    epilogue(kernel, elements, map),
  ].join('')

  const lines: string[] = []
  const rows = count(perM)
  const cols = count(perN)
  lines.push(
    `let batch = i32(group / ${across * down}u);`,
    `let top = i32(group % ${across * down}u / ${across}u) * ${tileM}i;`,
    `let left = i32(group % ${across}u) * ${tileN}i;`,
    `let lm = ${lanesM === 1 ? '0i' : `i32(lane / ${lanesN}u)`};`,
    `let ln = ${lanesN === 1 ? '0i' : lanesM === 1 ? 'i32(lane)' : `i32(lane % ${lanesN}u)`};`,
  )
  // The rows and columns of the result that this lane owns: columns stride by lanes, so that lanes are neighbours.
  const plus = (x: string, by: number): string => (by === 0 ? x : `${x} + ${by}i`)
  const row = (i: number): string => plus(lanesM === 1 ? 'top' : `top + lm * ${perM}i`, i)
  const col = (j: number): string => plus('left + ln', j * lanesN)
  const zeros = (name: string): void => {
    for (const i of rows) lines.push(cols.map((j) => `var ${name}${i}_${j} = 0.0;`).join(' '))
  }
  zeros('acc')
  const sum = K > KC ? 'part' : 'acc'
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
  if (K > 0 && depth === 0) {
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
      fill(
        'tile_a',
        'a_at',
        '-0.0',
        tileM,
        stride(kernel.a, k) < stride(kernel.a, m),
        `${inside(M, 'top + w', exactM)}, kq`,
      )
      fill(
        'tile_b',
        'b_at',
        '0.0',
        tileN,
        stride(kernel.b, k) < stride(kernel.b, n),
        `kq, ${inside(N, 'left + w', exactN)}`,
      )
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
      `    let c = left + ln + j * ${lanesN}i;`,
      ...(exactN ? [] : [`    if (c >= ${N}i) { break; }`]),
      `    finish(batch, r, c, results[i * ${perN}i + j]);`,
      '  }',
      '}',
    )
  }
  const text = lines.map((l) => `  ${l}\n`).join('')
  return shader(elements, across * down * batch, lanes, memory + functions, text)
}
