/**
 * Scalars as C statements: each once, in the outermost loop whose variables it needs. Every value is a vector; where its lanes
 * differ, they do by the lane axis, which stands in an index like any other.
 */
import type { DType } from '../../../base/dtype.ts'
import { type Atom, type Axis, type Ix, visitAtoms } from '../../../loops/ix.ts'
import type { Store } from '../../../loops/kernel.ts'
import { linearize, type Scalar } from '../../../loops/scalar.ts'
import { axisName, type Frame, LANE, type Named, reachOf } from './frame.ts'
import {
  binaryText,
  castText,
  elements,
  fromMemory,
  literal,
  selectText,
  toMemory,
  unaryText,
  vectorType,
} from './operators.ts'

/** A buffer as the code names it. */
export interface Pointer {
  readonly name: string
  readonly dtype: DType
  /** Whether it is written while its values are read: a load stands where it is asked for. */
  readonly late: boolean
}

interface Scope {
  readonly lines: string[]
  readonly names: Map<Scalar | string, string>
}

export interface Block {
  /** Writes what the scalar needs and gives the text of its value. */
  readonly value: (frame: Frame, s: Scalar) => string
  /** An index that lanes share, as a long. */
  readonly index: (frame: Frame, ix: Ix) => string
  /** One iteration's stores: all values and positions before the first is written. */
  readonly stores: (frame: Frame, stores: readonly Store[]) => void
  /** Asks for the line of memory of a position that lanes stand at side by side; for others it does nothing. */
  readonly prefetch: (frame: Frame, buffer: number, at: Ix, what: 'read' | 'write') => void
  /** Appends a statement to a level (0 = outside all loops; absent: the innermost open one). */
  readonly line: (text: string, level?: number) => void
  /** A variable that is assigned to, at the innermost open level. */
  readonly variable: (type: string, value: string) => Named
  /** An array of zeros there; gives its name. */
  readonly array: (type: string, length: string) => string
  /** Opens a loop: what depends on its axes is written inside of it until it is closed. */
  readonly open: (header: string, axes: readonly Axis[]) => void
  readonly close: () => void
  readonly level: () => number
  readonly text: () => string
}

const power = (n: number): boolean => (n & (n - 1)) === 0

export const block = (pointers: readonly Pointer[]): Block => {
  const scopes: Scope[] = [{ lines: [], names: new Map() }]
  const headers: string[] = ['']
  const levelOf = new Map<number, number>()
  let names = 0

  const here = (): number => scopes.length - 1
  const known = (key: Scalar | string): string | undefined => {
    for (let i = here(); i >= 0; i--) {
      const name = scopes[i]!.names.get(key)
      if (name !== undefined) return name
    }
    return undefined
  }
  const define = (level: number, key: Scalar | string, type: string, text: string): string => {
    const name = `x${names++}`
    scopes[level]!.lines.push(`const ${type} ${name} = ${text};`)
    scopes[level]!.names.set(key, name)
    return name
  }

  /** What is known of the scalars of one frame: the level each is written at, and whether its lanes differ. */
  interface Facts {
    readonly level: number
    readonly varies: boolean
  }
  const nothing: Facts = { level: 0, varies: false }
  const facts = new WeakMap<Frame, Map<Scalar, Facts>>()
  const both = (some: readonly Facts[]): Facts => ({
    level: some.reduce((most, f) => Math.max(most, f.level), 0),
    varies: some.some((f) => f.varies),
  })

  const write = (
    frame: Frame,
  ): {
    readonly value: (root: Scalar) => string
    readonly facts: (ix: Ix) => Facts
    readonly index: (ix: Ix) => string
    readonly vector: (ix: Ix) => string
  } => {
    const of = facts.get(frame) ?? new Map<Scalar, Facts>()
    facts.set(frame, of)

    const factsOfIx = (x: Ix): Facts => {
      const found: Facts[] = []
      visitAtoms(
        x,
        (a) =>
          found.push(a.id === LANE ? { level: 0, varies: true } : { level: levelOf.get(a.id) ?? 0, varies: false }),
        (s) => found.push(of.get(s) ?? nothing),
      )
      return both(found)
    }
    const factsOf = (s: Scalar): Facts => {
      switch (s.kind) {
        case 'const':
          return nothing
        case 'reduced':
          return frame.reduced(s.reduction)
        case 'index':
        case 'within':
          return factsOfIx(s.ix)
        case 'load':
          return pointers[s.buffer]!.late ? { ...factsOfIx(s.at), level: here() } : factsOfIx(s.at)
        case 'unary':
        case 'cast':
          return of.get(s.x)!
        case 'binary':
          return both([of.get(s.x)!, of.get(s.y)!])
        case 'select':
          return both([of.get(s.cond)!, of.get(s.x)!, of.get(s.y)!])
      }
    }
    const nameOf = (s: Scalar): string =>
      s.kind === 'const'
        ? literal(s.dtype, s.value)
        : s.kind === 'reduced'
          ? frame.reduced(s.reduction).text
          : known(s)!

    // -- indices that the lanes share
    const atomText = (a: Atom): string => {
      switch (a.kind) {
        case 'axis':
          return axisName(a.axis)
        case 'div':
          return power(a.by)
            ? `(${index(a.of)} >> ${Math.log2(a.by)})`
            : a.of.lo >= 0
              ? `(long)((unsigned long)${index(a.of)} / ${a.by}ul)`
              : `floor_div(${index(a.of)}, ${a.by})`
        case 'mod':
          return power(a.by)
            ? `(${index(a.of)} & ${a.by - 1})`
            : a.of.lo >= 0
              ? `(long)((unsigned long)${index(a.of)} % ${a.by}ul)`
              : `(${index(a.of)} - ${a.by} * floor_div(${index(a.of)}, ${a.by}))`
        case 'clamp':
          return `clamp(${index(a.of)}, ${a.lo}, ${a.hi})`
        case 'value': {
          const top = Math.max(0, a.extent - 1)
          return `clamp((long)(${nameOf(a.scalar)})[0], 0, ${top})`
        }
      }
    }
    const atomName = (a: Atom, key: string): string => {
      if (a.kind === 'axis') return axisName(a.axis)
      const at = { constant: 0, terms: [{ coef: 1, atom: a, key }], lo: 0, hi: 0, key }
      return known(key) ?? define(factsOfIx(at).level, key, 'long', atomText(a))
    }
    const index = (x: Ix): string => {
      let text = ''
      for (const { coef, atom, key } of x.terms)
        text += `${text === '' ? '' : ' + '}${coef === 1 ? '' : `${coef} * `}${atomName(atom, key)}`
      if (text === '') return String(x.constant)
      if (x.constant !== 0) text += ` + ${x.constant}`
      return `(${text})`
    }

    // -- indices that differ from lane to lane, as vectors of i32
    const atomVector = (a: Atom): string => {
      switch (a.kind) {
        case 'axis':
          return 'lanes()'
        case 'div':
          return power(a.by)
            ? `(${vector(a.of)} >> ${Math.log2(a.by)})`
            : a.of.lo >= 0
              ? `(${vector(a.of)} / ${a.by})`
              : `floor_div_i(${vector(a.of)}, ${a.by})`
        case 'mod': {
          if (power(a.by)) return `(${vector(a.of)} & ${a.by - 1})`
          return a.of.lo >= 0
            ? `(${vector(a.of)} % ${a.by})`
            : `(${vector(a.of)} - ${a.by} * floor_div_i(${vector(a.of)}, ${a.by}))`
        }
        case 'clamp':
          return `clamp_i(${vector(a.of)}, ${a.lo}, ${a.hi})`
        case 'value': {
          const top = Math.max(0, a.extent - 1)
          return a.scalar.dtype === 'u32'
            ? `clamp_u(${nameOf(a.scalar)}, ${top})`
            : `clamp_i(${nameOf(a.scalar)}, 0, ${top})`
        }
      }
    }
    const vector = (x: Ix): string => {
      const shared = x.terms.filter(
        ({ atom, key }) => !factsOfIx({ constant: 0, terms: [{ coef: 1, atom, key }], lo: 0, hi: 0, key }).varies,
      )
      const base = index({ ...x, terms: shared })
      const parts = x.terms.filter((t) => !shared.includes(t)).map(({ coef, atom }) => `${coef} * ${atomVector(atom)}`)
      return `(${[`splat_i((int32_t)${base})`, ...parts].join(' + ')})`
    }

    const load = (buffer: number, at: Ix): string => {
      const { name, dtype } = pointers[buffer]!
      const { suffix } = elements[dtype]
      const reach = reachOf(at, factsOfIx, of)
      switch (reach.kind) {
        case 'shared':
          return fromMemory(dtype, suffix === 'f' ? `splat_f(${name}[${index(at)}])` : `splat_i(${name}[${index(at)}])`)
        case 'strided': {
          const from = `${name} + ${index(reach.first)}`
          return fromMemory(
            dtype,
            reach.step === 1
              ? `load_${suffix}(${from}, ${frame.valid})`
              : `every_${suffix}(${from}, ${reach.step}, ${frame.valid})`,
          )
        }
        case 'scattered':
          return fromMemory(dtype, `gather_${suffix}(${name}, ${vector(at)}, ${frame.valid})`)
      }
    }
    /** What a loop divides by again and again is prepared once, before it. */
    const divisorOf = (y: Scalar): string => {
      const name = nameOf(y)
      const key = `/ ${name}`
      return known(key) ?? define(of.get(y)!.level, key, 'divisor', `divisor_of(${name})`)
    }
    const scalarText = (s: Scalar): string => {
      switch (s.kind) {
        case 'const':
        case 'reduced':
          return nameOf(s)
        case 'index':
          return factsOfIx(s.ix).varies ? vector(s.ix) : `splat_i((int32_t)${index(s.ix)})`
        case 'within': {
          if (!factsOfIx(s.ix).varies) {
            const ix = index(s.ix)
            return `splat_i(-(${ix} >= ${s.lo} && ${ix} < ${s.hi}))`
          }
          const ix = vector(s.ix)
          return `((${ix} >= ${s.lo}) & (${ix} < ${s.hi}))`
        }
        case 'load':
          return load(s.buffer, s.at)
        case 'unary':
          return unaryText[s.op](nameOf(s.x), s.x.dtype)
        case 'cast':
          return castText(s.dtype, nameOf(s.x), s.x.dtype)
        case 'binary':
          if (s.op === 'div' && s.dtype === 'f32' && of.get(s.y)!.level < of.get(s)!.level)
            return `div_by(${nameOf(s.x)}, ${divisorOf(s.y)})`
          return binaryText[s.op](nameOf(s.x), nameOf(s.y), s.x.dtype)
        case 'select':
          return selectText(nameOf(s.cond), nameOf(s.x), nameOf(s.y), s.dtype)
      }
    }
    const value = (root: Scalar): string => {
      for (const s of linearize([root])) {
        if (!of.has(s)) of.set(s, factsOf(s))
        if (s.kind === 'const' || s.kind === 'reduced' || known(s) !== undefined) continue
        define(of.get(s)!.level, s, vectorType(s.dtype), scalarText(s))
      }
      return nameOf(root)
    }
    return { value, facts: factsOfIx, index, vector }
  }

  const readsOf = (x: Ix): readonly Scalar[] => {
    const read: Scalar[] = []
    visitAtoms(
      x,
      () => undefined,
      (s) => read.push(s),
    )
    return read
  }

  /** A store whose value and position are known: what is left is to write it. */
  const prepared = (frame: Frame, { buffer, at: position, value: scalar, mode }: Store): (() => void) => {
    const writer = write(frame)
    const { name, dtype } = pointers[buffer]!
    const { suffix } = elements[dtype]
    const bits = toMemory(dtype, writer.value(frame.image(scalar)))
    const at = frame.position(position)
    readsOf(at).forEach(writer.value)
    const reach = reachOf(at, writer.facts, facts.get(frame)!)
    const increase = mode === 'add'
    const by = dtype === 'bool' ? 'either' : 'increase'
    if (reach.kind === 'scattered') {
      const places = define(here(), `at${names}`, 'vi', writer.vector(at))
      const call = increase ? `${by}_${suffix}` : `scatter_${suffix}`
      return () => line(`${call}(${name}, ${places}, ${bits}, ${frame.valid});`)
    }
    // what lanes that all stand at one place increase, each of them increases
    const first = define(here(), `at${names}`, 'long', writer.index(reach.kind === 'shared' ? at : reach.first))
    const step = reach.kind === 'shared' ? 0 : reach.step
    if (increase) return () => line(`${by}_step_${suffix}(${name} + ${first}, ${step}, ${bits}, ${frame.valid});`)
    if (step === 0) return () => line(`${name}[${first}] = (${elements[dtype].type})(${bits})[0];`)
    return () =>
      line(
        step === 1
          ? `store_${suffix}(${name} + ${first}, ${bits}, ${frame.valid});`
          : `spread_${suffix}(${name} + ${first}, ${step}, ${bits}, ${frame.valid});`,
      )
  }
  const line: Block['line'] = (text, level) => void scopes[level ?? here()]!.lines.push(text)

  return {
    value: (frame, s) => write(frame).value(frame.image(s)),
    index: (frame, ix) => {
      const writer = write(frame)
      const at = frame.position(ix)
      readsOf(at).forEach(writer.value)
      return writer.index(at)
    },
    prefetch: (frame, buffer, at, what) => {
      const writer = write(frame)
      const position = frame.position(at)
      if (readsOf(position).length > 0) return
      const reach = reachOf(position, writer.facts, facts.get(frame)!)
      if (reach.kind !== 'strided' || reach.step !== 1) return
      const place = `${pointers[buffer]!.name} + ${writer.index(reach.first)}`
      line(`__builtin_prefetch(${place}, ${what === 'write' ? 1 : 0});`)
    },
    stores: (frame, list) => list.map((s) => prepared(frame, s)).forEach((put) => put()),
    line,
    variable: (type, value) => {
      const name = `v${names++}`
      line(`${type} ${name} = ${value};`)
      return { text: name, level: here(), varies: true }
    },
    array: (type, length) => {
      const name = `v${names++}`
      line(`${type} ${name}[${length}] = {};`)
      return name
    },
    open: (header, axes) => {
      for (const a of axes) levelOf.set(a.id, scopes.length)
      scopes.push({ lines: [], names: new Map() })
      headers.push(header)
    },
    close: () => {
      const { lines } = scopes.pop()!
      line(`${headers.pop()!} {`)
      lines.forEach((l) => line(`  ${l}`))
      line('}')
    },
    level: here,
    text: () => scopes[0]!.lines.map((l) => `  ${l}\n`).join(''),
  }
}
