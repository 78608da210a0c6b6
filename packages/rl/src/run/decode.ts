/**
 * Reading plain data back as what it is. A decoder is given a value and where it stands, and gives the value with its type,
 * or on the left what is wrong with the first that is: `experience.mask[1] is not 0 or 1`. Decoders of parts make decoders
 * of wholes.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'

/** A value, or what is wrong with it. */
export type Decoded<A> = E.Either<string, A>

/** Reads a value that stands at `at`. */
export type Decode<A> = (x: unknown, at: string) => Decoded<A>

const wrong = (at: string, what: string): Decoded<never> => E.left(`${at} is not ${what}`)

/** What satisfies a test; `what` says what that is. */
export const decodeIf =
  <A>(is: (x: unknown) => x is A, what: string): Decode<A> =>
  (x, at) =>
    is(x) ? E.right(x) : wrong(at, what)

/** What another decoder reads, as something else. */
export const mapped =
  <A, B>(decode: Decode<A>, f: (a: A) => B): Decode<B> =>
  (x, at) =>
    E.map(f)(decode(x, at))

export const number = decodeIf((x): x is number => typeof x === 'number' && Number.isFinite(x), 'a number')
export const count = decodeIf(
  (x): x is number => typeof x === 'number' && Number.isInteger(x) && x >= 0,
  'a whole number of 0 or more',
)
export const text = decodeIf((x): x is string => typeof x === 'string', 'a text')
export const truth = decodeIf((x): x is boolean => typeof x === 'boolean', 'true or false')

/** One of some texts or numbers. */
export const oneOf = <const A extends string | number>(...all: readonly [A, ...A[]]): Decode<A> =>
  decodeIf((x): x is A => all.some((a) => a === x), all.join(' or '))

export const orNull =
  <A>(decode: Decode<A>): Decode<A | null> =>
  (x, at) =>
    x === null ? E.right(null) : decode(x, at)

/** A field that may not be there is null then. */
export const ifThere =
  <A>(decode: Decode<A>): Decode<A | null> =>
  (x, at) =>
    x === undefined ? E.right(null) : decode(x, at)

/** Absent numbers are null in JSON, and NaN outside. */
export const orNaN: Decode<number> = mapped(orNull(number), (x) => x ?? NaN)

export const listOf =
  <A>(decode: Decode<A>): Decode<readonly A[]> =>
  (x, at) =>
    Array.isArray(x) ? E.traverseArrayWithIndex((i, y: unknown) => decode(y, `${at}[${i}]`))(x) : wrong(at, 'a list')

const isObject = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === 'object' && x !== null && !Array.isArray(x)
const object = decodeIf(isObject, 'an object')

/** A name and what belongs to it. */
export const pairOf =
  <A>(decode: Decode<A>): Decode<readonly [string, A]> =>
  (x, at) =>
    Array.isArray(x) && x.length === 2
      ? pipe(
          text(x[0], at),
          E.flatMap((name) => E.map((value: A) => [name, value] as const)(decode(x[1], at))),
        )
      : wrong(at, 'a name and what belongs to it')

/** Values of one kind by any names. */
export const recordOf =
  <A>(decode: Decode<A>): Decode<Readonly<Record<string, A>>> =>
  (x, at) =>
    pipe(
      object(x, at),
      E.flatMap((values) =>
        pipe(
          Object.entries(values),
          E.traverseArray(([name, value]) => E.map((a: A) => [name, a] as const)(decode(value, `${at}.${name}`))),
        ),
      ),
      E.map((pairs) => Object.fromEntries<A>(pairs)),
    )

/** An object of these fields; others are left out. */
export const structOf =
  <A extends object>(fields: { readonly [K in keyof A]-?: Decode<A[K]> }): Decode<A> =>
  (x, at) =>
    pipe(
      object(x, at),
      E.flatMap((values) =>
        pipe(
          Object.entries<Decode<unknown>>(fields),
          E.traverseArray(([name, decode]) =>
            E.map((value) => [name, value] as const)(decode(values[name], `${at}.${name}`)),
          ),
        ),
      ),
      // Each field was read by the decoder of its name.
      E.map((pairs) => Object.fromEntries(pairs) as A),
    )
