/** Flags of a command line as values: how each is written, what it means, and how its text becomes a value. */
import * as E from 'fp-ts/lib/Either.js'

/** What stands on the command line, by the flag's name; a flag that is not there is undefined. */
export type Given = Readonly<Record<string, string | boolean | undefined>>

/** How one flag is written, and what it means. */
export interface Flag<A> {
  /** How its value is written in the usage; null: a switch, which has none. */
  readonly value: string | null
  readonly about: string
  readonly decode: (name: string, given: Given) => E.Either<string, A>
}

/** A flag for each field of `V`; the field `sftSteps` is the flag `--sft-steps`. */
export type FlagsOf<V> = { readonly [K in keyof V]: Flag<V[K]> }

/** A flag with a value: `fallback` where it is not given, else what `read` makes of its text. */
export const valued = <A>(
  value: string,
  about: string,
  fallback: A,
  read: (text: string, name: string) => E.Either<string, A>,
): Flag<A> => ({
  value,
  about,
  decode: (name, given) => {
    const text = given[name]
    return typeof text === 'string' ? read(text, name) : E.right(fallback)
  },
})

const MANY = /^\d{1,15}$/
const withDefault = (about: string, fallback: string): string => `${about} (default ${fallback})`

/** A switch: false unless given. */
export const toggle = (about: string): Flag<boolean> => ({
  value: null,
  about,
  decode: (name, given) => E.right(given[name] === true),
})

/** A whole number, at least `min` (default 0) and at most `max`. */
export const count = (
  about: string,
  fallback: number,
  { min = 0, max = Infinity }: { readonly min?: number; readonly max?: number } = {},
): Flag<number> =>
  valued('N', withDefault(about, String(fallback)), fallback, (text, name) =>
    MANY.test(text) && Number(text) >= min && Number(text) <= max
      ? E.right(Number(text))
      : E.left(
          `--${name} ${text}: a whole number, ${max === Infinity ? `${min} or more` : `from ${min} to ${max}`}, is needed`,
        ),
  )

/** A finite number, not below `min`. */
export const real = (
  about: string,
  fallback: number,
  { min = -Infinity }: { readonly min?: number } = {},
): Flag<number> =>
  valued('X', withDefault(about, String(fallback)), fallback, (text, name) => {
    const x = text.trim() === '' ? NaN : Number(text)
    return Number.isFinite(x) && x >= min
      ? E.right(x)
      : E.left(`--${name} ${text}: a number${min === -Infinity ? '' : `, ${min} or more,`} is needed`)
  })

/** Whole numbers, 0 or more, joined by commas; no number twice. */
export const counts = (about: string, fallback: readonly number[]): Flag<readonly number[]> =>
  valued('N,N,..', withDefault(about, fallback.join(',')), fallback, (text, name) => {
    const parts = text.split(',')
    return parts.every((part) => MANY.test(part)) && new Set(parts.map(Number)).size === parts.length
      ? E.right(parts.map(Number))
      : E.left(`--${name} ${text}: different whole numbers joined by commas are needed, as in 0,1,2`)
  })

/** One of some words, or null where it is not given. */
export const choice = <const K extends string>(about: string, kinds: readonly K[]): Flag<K | null> =>
  valued<K | null>('KIND', about, null, (text, name) => {
    const kind = kinds.find((k) => k === text)
    return kind === undefined ? E.left(`--${name} ${text}: choose ${kinds.join(' or ')}`) : E.right(kind)
  })

/** Some of some words, joined by commas; null where it is not given. */
export const choices = <const K extends string>(about: string, kinds: readonly K[]): Flag<readonly K[] | null> =>
  valued<readonly K[] | null>('NAME,NAME,..', about, null, (text, name) => {
    const parts = text.split(',')
    const unknown = parts.find((part) => !kinds.some((k) => k === part))
    return unknown === undefined
      ? E.right(parts.flatMap((part) => kinds.filter((k) => k === part)))
      : E.left(`--${name} ${unknown}: choose of ${kinds.join(', ')}`)
  })

/** A text that is not empty, or null where it is not given; `value` says what it is. */
export const text = (value: string, about: string, what: string): Flag<string | null> =>
  valued<string | null>(value, about, null, (given, name) =>
    given === '' ? E.left(`--${name} needs ${what}`) : E.right(given),
  )

/** The path of a folder, or null where it is not given. */
export const folder = (about: string): Flag<string | null> => text('DIR', about, 'a folder')

/** The kinds of devices. */
export const DEVICES = ['native', 'wasm', 'webgpu', 'reference', 'cpu'] as const

/** The kind of device to run on; null where it is left to the program, which `otherwise` describes. */
export const device = (otherwise = 'hardware WebGPU where there is one, else cpu') =>
  choice(`${DEVICES.slice(0, -1).join(', ')} or cpu (default: ${otherwise})`, DEVICES)

export const help = toggle('this text')
