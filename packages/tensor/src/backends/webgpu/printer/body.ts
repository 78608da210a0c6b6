/** Scalars as WGSL statements: each scalar once, in the outermost loop whose variables it needs. */
import { type Atom, type Axis, type Ix, visitAtoms } from '../../../loops/ix.ts'
import { linearize, type Scalar } from '../../../loops/scalar.ts'
import type { Elements } from './elements.ts'
import { binaryText, castText, isProduct, literal, unaryText } from './ops.ts'

/** One level of a loop nest, while it is written. */
interface Scope {
  readonly lines: string[]
  readonly names: Map<Scalar | string, string>
}

export interface Body {
  /** Writes what the scalar needs and gives the text of its value. Scalars of one call may share. */
  readonly value: (s: Scalar) => string
  readonly index: (x: Ix) => string
  /** Appends a statement to a level (0 = outside all loops; absent: the innermost open one). */
  readonly line: (text: string, level?: number) => void
  /** Opens a loop: what depends on `axes` is written inside it until it is closed. */
  readonly open: (header: string, axes: readonly Axis[]) => void
  /** Closes the innermost loop and writes it into the one around it. */
  readonly close: () => void
  readonly text: () => string
}

const indent = (lines: readonly string[]): readonly string[] => lines.map((l) => `  ${l}`)

/**
 * `axisName` names loop variables; `reducedText` gives a reduction's value and the level it lives at (a finished
 * reduction is known outside the loops: level 0).
 */
export const body = (
  elements: Elements,
  axisName: (a: Axis) => string,
  reduced: (reduction: number) => { readonly text: string; readonly level: number },
): Body => {
  const scopes: Scope[] = [{ lines: [], names: new Map() }]
  const headers: string[] = ['']
  const levelOf = new Map<number, number>()
  const levels = new Map<Scalar, number>()
  let names = 0

  const ixLevel = (x: Ix): number => {
    let level = 0
    visitAtoms(
      x,
      (a) => (level = Math.max(level, levelOf.get(a.id) ?? 0)),
      (s) => (level = Math.max(level, levels.get(s) ?? 0)),
    )
    return level
  }
  const of = (s: Scalar): number => levels.get(s) ?? 0
  const scalarLevel = (s: Scalar): number => {
    switch (s.kind) {
      case 'const':
        return 0
      case 'reduced':
        return reduced(s.reduction).level
      case 'index':
      case 'within':
        return ixLevel(s.ix)
      case 'load':
        return ixLevel(s.at)
      case 'unary':
      case 'cast':
        return of(s.x)
      case 'binary':
        return Math.max(of(s.x), of(s.y))
      case 'select':
        return Math.max(of(s.cond), of(s.x), of(s.y))
    }
  }

  const define = (level: number, key: Scalar | string, prefix: string, text: string): string => {
    const name = `${prefix}${names++}`
    const scope = scopes[level]!
    scope.lines.push(`let ${name} = ${text};`)
    scope.names.set(key, name)
    return name
  }
  const known = (key: Scalar | string): string | undefined => {
    for (let i = scopes.length - 1; i >= 0; i--) {
      const name = scopes[i]!.names.get(key)
      if (name !== undefined) return name
    }
    return undefined
  }

  const nameOf = (s: Scalar): string =>
    s.kind === 'const' ? literal(s.dtype, s.value) : s.kind === 'reduced' ? reduced(s.reduction).text : known(s)!

  const power = (n: number): boolean => (n & (n - 1)) === 0
  const atomText = (a: Atom): string => {
    switch (a.kind) {
      case 'axis':
        return axisName(a.axis)
      case 'div':
        return power(a.by)
          ? `(${index(a.of)} >> ${Math.log2(a.by)}u)` // arithmetic: rounds down
          : a.of.lo >= 0
            ? `i32(u32(${index(a.of)}) / ${a.by}u)`
            : `floor_div(${index(a.of)}, ${a.by}i)`
      case 'mod':
        return power(a.by)
          ? `(${index(a.of)} & ${a.by - 1}i)`
          : a.of.lo >= 0
            ? `i32(u32(${index(a.of)}) % ${a.by}u)`
            : `floor_mod(${index(a.of)}, ${a.by}i)`
      case 'clamp':
        return `clamp(${index(a.of)}, ${a.lo}i, ${a.hi}i)`
      case 'value': {
        const s = nameOf(a.scalar)
        const top = Math.max(0, a.extent - 1)
        return a.scalar.dtype === 'u32'
          ? `i32(min(${s}, ${top}u))`
          : `clamp(${castText('i32', s, a.scalar.dtype)}, 0i, ${top}i)`
      }
    }
  }
  const atomName = (a: Atom, key: string): string => {
    if (a.kind === 'axis') return axisName(a.axis)
    return (
      known(key) ??
      define(ixLevel({ constant: 0, terms: [{ coef: 1, atom: a, key }], lo: 0, hi: 0, key }), key, 'ix', atomText(a))
    )
  }
  const index = (x: Ix): string => {
    let text = ''
    for (const { coef, atom, key } of x.terms) {
      const size = Math.abs(coef)
      const name = atomName(atom, key)
      const term = size === 1 ? name : `${name} * ${size}i`
      text += text === '' ? (coef < 0 ? `-${term}` : term) : coef < 0 ? ` - ${term}` : ` + ${term}`
    }
    if (text === '') return x.constant < 0 ? `(${x.constant}i)` : `${x.constant}i`
    if (x.constant !== 0) text += x.constant < 0 ? ` - ${-x.constant}i` : ` + ${x.constant}i`
    return x.terms.length === 1 && x.constant === 0 && x.terms[0]!.coef === 1 ? text : `(${text})`
  }

  /**
   * Operands. Expressions of literals alone are computed, and may be rejected, by the compiler: a `let` makes them run-time
   * ones. Products are rounded before anything else is done to them.
   */
  const settle = (operands: readonly Scalar[]): readonly string[] =>
    operands.length > 0 && operands.every((s) => s.kind === 'const')
      ? operands.map((s) => known(s) ?? define(0, s, 'c', nameOf(s)))
      : operands.map((s) => (isProduct(s) ? `rounded(${nameOf(s)})` : nameOf(s)))

  const scalarText = (s: Scalar): string => {
    switch (s.kind) {
      case 'const':
      case 'reduced':
        return nameOf(s)
      case 'index':
        return index(s.ix)
      case 'within': {
        const ix = index(s.ix)
        const above = s.ix.lo >= s.lo ? '' : `${ix} >= ${s.lo}i`
        const below = s.ix.hi < s.hi ? '' : `${ix} < ${s.hi}i`
        return above !== '' && below !== '' ? `(${above} && ${below})` : `(${above}${below})`
      }
      case 'load':
        return elements.load(s.buffer, index(s.at))
      case 'unary':
        return unaryText[s.op](settle([s.x])[0]!, s.x.dtype)
      case 'cast':
        return castText(s.dtype, settle([s.x])[0]!, s.x.dtype)
      case 'binary': {
        const [x, y] = settle([s.x, s.y])
        return binaryText[s.op](x!, y!, s.x.dtype)
      }
      case 'select':
        return `select(${nameOf(s.y)}, ${nameOf(s.x)}, ${nameOf(s.cond)})`
    }
  }

  const value = (root: Scalar): string => {
    for (const s of linearize([root])) {
      if (!levels.has(s)) levels.set(s, scalarLevel(s))
      if (s.kind === 'const' || s.kind === 'reduced' || known(s) !== undefined) continue
      define(levels.get(s)!, s, 's', scalarText(s))
    }
    return nameOf(root)
  }

  return {
    value,
    index: (x) => {
      const read: Scalar[] = []
      visitAtoms(
        x,
        () => undefined,
        (s) => read.push(s),
      )
      read.forEach(value)
      return index(x)
    },
    line: (text, level) => void scopes[level ?? scopes.length - 1]!.lines.push(text),
    open: (header, axes) => {
      for (const a of axes) levelOf.set(a.id, scopes.length)
      levels.clear()
      scopes.push({ lines: [], names: new Map() })
      headers.push(header)
    },
    close: () => {
      const { lines } = scopes.pop()!
      const header = headers.pop()!
      levels.clear()
      scopes.at(-1)!.lines.push(`${header} {`, ...indent(lines), '}')
    },
    text: () => scopes[0]!.lines.map((l) => `  ${l}\n`).join(''),
  }
}
