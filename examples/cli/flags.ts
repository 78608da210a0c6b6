/**
 * Flags of a command line as values: a record of decoders in, a record of what was given out, or the first thing that is
 * wrong with it. A key `sftSteps` is the flag `--sft-steps`.
 */
import * as E from 'fp-ts/lib/Either.js'
import { parseArgs } from 'node:util'

/** What stands on the command line, by the flag's name; a flag that is not there is undefined. */
export type Given = Readonly<Record<string, string | boolean | undefined>>

/** How one flag is written, and what it means. */
export interface Flag<A> {
  /** How its value is written in the usage; null: a switch, which has none. */
  readonly value: string | null
  readonly about: string
  readonly decode: (name: string, given: Given) => E.Either<string, A>
}

/** A flag for each field of `V`. */
export type FlagsOf<V> = { readonly [K in keyof V]: Flag<V[K]> }

/** A flag with a value: `fallback` where it is not given, else what `read` makes of its text. */
const valued = <A>(
  value: string,
  about: string,
  fallback: A,
  read: (name: string, text: string) => E.Either<string, A>,
): Flag<A> => ({
  value,
  about,
  decode: (name, given) => {
    const text = given[name]
    return typeof text === 'string' ? read(name, text) : E.right(fallback)
  },
})

const MANY = /^\d{1,15}$/

/** A switch: false unless given. */
export const toggle = (about: string): Flag<boolean> => ({
  value: null,
  about,
  decode: (name, given) => E.right(given[name] === true),
})

/** A whole number, at least `min` (default 0). */
export const count = (about: string, fallback: number, { min = 0 }: { readonly min?: number } = {}): Flag<number> =>
  valued('N', `${about} (default ${fallback})`, fallback, (name, text) =>
    MANY.test(text) && Number(text) >= min
      ? E.right(Number(text))
      : E.left(`--${name} ${text}: a whole number, ${min} or more, is needed`),
  )

/** A finite number, not below `min`. */
export const real = (
  about: string,
  fallback: number,
  { min = -Infinity }: { readonly min?: number } = {},
): Flag<number> =>
  valued('X', `${about} (default ${fallback})`, fallback, (name, text) => {
    const x = text.trim() === '' ? NaN : Number(text)
    return Number.isFinite(x) && x >= min
      ? E.right(x)
      : E.left(`--${name} ${text}: a number${min === -Infinity ? '' : `, ${min} or more,`} is needed`)
  })

/** Whole numbers, 0 or more, joined by commas; no number twice. */
export const counts = (about: string, fallback: readonly number[]): Flag<readonly number[]> =>
  valued('N,N,..', `${about} (default ${fallback.join(',')})`, fallback, (name, text) => {
    const parts = text.split(',')
    return parts.every((part) => MANY.test(part)) && new Set(parts.map(Number)).size === parts.length
      ? E.right(parts.map(Number))
      : E.left(`--${name} ${text}: different whole numbers joined by commas are needed, as in 0,1,2`)
  })

/** One of some words, or null where it is not given. */
export const choice = <const K extends string>(about: string, kinds: readonly K[]): Flag<K | null> =>
  valued<K | null>('KIND', about, null, (name, text) => {
    const kind = kinds.find((k) => k === text)
    return kind === undefined ? E.left(`--${name} ${text}: choose ${kinds.join(' or ')}`) : E.right(kind)
  })

/** A path, or null where it is not given. */
export const folder = (about: string): Flag<string | null> =>
  valued<string | null>('DIR', about, null, (name, text) =>
    text === '' ? E.left(`--${name} needs a folder`) : E.right(text),
  )

/** `--resume`, which needs `--out` beside it. */
const resume: Flag<boolean> = {
  ...toggle('go on from the checkpoint in --out'),
  decode: (name, given) =>
    given[name] === true && given['out'] === undefined
      ? E.left('--resume needs --out DIR, the folder of the run to go on with')
      : E.right(given[name] === true),
}

/** The kinds of devices. */
export const DEVICES = ['native', 'wasm', 'webgpu', 'reference', 'cpu'] as const

/** The flags that every example has; `seeds` and `steps` are for those that have more than one run, or a length. */
export const common = {
  seed: count('seed of the run', 0),
  device: choice(
    'native, wasm, webgpu, reference or cpu (default: hardware WebGPU where there is one, else cpu)',
    DEVICES,
  ),
  out: folder('folder of the run (default: a new one under runs/)'),
  resume,
  json: toggle('one JSON object on stdout at the end, and nothing else'),
  help: toggle('this text'),
} as const

/** What the machinery of every example reads. */
export interface CommonValues {
  readonly device: (typeof DEVICES)[number] | null
  /** Absent where a job leaves no files. */
  readonly out?: string | null
  readonly json: boolean
  readonly help: boolean
}

const kebab = (key: string): string => key.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
const entriesOf = <V>(flags: FlagsOf<V>): readonly (readonly [string, Flag<unknown>])[] => Object.entries(flags)

/** The values of all flags out of an argument list, or what is wrong with it. */
export const decodeFlags =
  <V>(flags: FlagsOf<V>) =>
  (args: readonly string[]): E.Either<string, V> => {
    const options = Object.fromEntries(
      entriesOf(flags).map(([key, { value }]) => [
        kebab(key),
        { type: value === null ? ('boolean' as const) : ('string' as const) },
      ]),
    )
    const parsed = E.tryCatch(
      // No option is `multiple`, so no value is an array.
      () => parseArgs({ args: [...args], options }).values as Given,
      (thrown) => (thrown instanceof Error ? thrown.message : String(thrown)),
    )
    if (E.isLeft(parsed)) return parsed
    const values: Record<string, unknown> = {}
    for (const [key, flag] of entriesOf(flags)) {
      const decoded = flag.decode(kebab(key), parsed.right)
      if (E.isLeft(decoded)) return decoded
      values[key] = decoded.right
    }
    // Each field is what the flag of its name decoded to.
    return E.right(values as V)
  }

/** The usage of an example. */
export const usageOf = <V>(name: string, about: string, flags: FlagsOf<V>): string => {
  const rows = entriesOf(flags).map(
    ([key, flag]) => [`--${kebab(key)}${flag.value === null ? '' : ` ${flag.value}`}`, flag.about] as const,
  )
  const width = Math.max(19, ...rows.map(([left]) => left.length + 2))
  const list = rows.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join('')
  return `usage: npm run -s example -- ${name} [flags]\n\n${about}\n\n${list}`
}
