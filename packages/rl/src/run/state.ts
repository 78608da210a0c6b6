/**
 * How the state of a run is kept: as tensors and as plain data, which a checkpoint holds side by side. A learner is tensors
 * through and through; where experience comes from may be data (how far a file was read, what a buffer holds).
 */
import type { Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type Json, leftOut } from './log.ts'

/**
 * A state as a pair of tensors and data, and back.
 *
 * Law: `restore(tensors(s), data(s))` is right of a state equal to `s`, after the data went through JSON, which has no NaN,
 * no infinity and no -0. The structure, shapes and dtypes of the tensors are the same for all states of a phase.
 */
export interface StateCodec<S> {
  /** What of it is tensors. */
  readonly tensors: (state: S) => Tree
  /** The rest of it; never undefined: null where there is nothing beside the tensors. */
  readonly data: (state: S) => Json
  /** Left: what is wrong with the data, as the end of a sentence. */
  readonly restore: (tensors: Tree, data: Json) => E.Either<string, S>
}

/** What `codec` keeps: it is needed where that is no tree of tensors. */
export type KeptAs<K> = { readonly codec?: StateCodec<K> } & ([K] extends [Tree]
  ? unknown
  : { readonly codec: StateCodec<K> })

/**
 * A state that is a tree of tensors, and no data beside. What a run uses unless it is told otherwise.
 *
 * @example
 * ```ts
 * import { treeState } from '@adjoint/rl'
 * import { scalar, type Scalar } from '@adjoint/tensor'
 * const codec = treeState<Scalar>()
 * codec.restore(codec.tensors(scalar(1)), codec.data(scalar(1))) // Right of the scalar
 * ```
 */
export const treeState = <S extends Tree>(): StateCodec<S> => ({
  tensors: (state) => state,
  data: () => null,
  restore: (tensors, data) =>
    data === null
      ? // A checkpoint is loaded into the structure, shapes and dtypes of a state: this is where they become one again.
        E.right(tensors as S)
      : E.left('it holds data, and the state is tensors only'),
})

/**
 * A state that is data, and no tensors beside.
 *
 * @example
 * ```ts
 * import { dataState } from '@adjoint/rl'
 * import { left, right } from 'fp-ts/lib/Either.js'
 * const position = dataState<number>((data) => (typeof data === 'number' ? right(data) : left('its position is no number')))
 * ```
 */
export const dataState = <D extends Json>(decode: (data: Json) => E.Either<string, D>): StateCodec<D> => ({
  tensors: () => null,
  data: (state) => state,
  restore: (_, data) => decode(data),
})

/** The fields of an object that is neither null nor a list; null for anything else. */
const fieldsOf = (value: unknown): ReadonlyMap<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : null

/**
 * A record of states, each kept in its own way: a learner, say, and where its experience comes from.
 *
 * @example
 * ```ts
 * import { dataState, recordState, treeState } from '@adjoint/rl'
 * import type { Scalar } from '@adjoint/tensor'
 * import { right } from 'fp-ts/lib/Either.js'
 * const codec = recordState({ weight: treeState<Scalar>(), seen: dataState<readonly string[]>(() => right([])) })
 * ```
 */
export const recordState = <S extends object>(fields: { readonly [K in keyof S]: StateCodec<S[K]> }): StateCodec<S> => {
  // Each field's codec is applied to the value of that field alone, which `fields` says is of its type.
  const codecs = Object.entries(fields) as readonly (readonly [string, StateCodec<unknown>])[]
  const each = <A>(f: (codec: StateCodec<unknown>, value: unknown) => A, state: S) => {
    const values = fieldsOf(state)
    return Object.fromEntries(codecs.map(([name, codec]) => [name, f(codec, values?.get(name))] as const))
  }
  return {
    tensors: (state) => each((codec, value) => codec.tensors(value), state),
    data: (state) => {
      const data = each((codec, value) => codec.data(value), state)
      // JSON leaves such a field out, and what is left cannot be restored.
      const lost = Object.keys(data).find((name) => leftOut(data[name]))
      if (lost === undefined) return data
      throw new TypeError(
        `recordState: the codec of \`${lost}\` gave ${typeof data[lost]} as its data, which JSON has not. Give null where it has none.`,
      )
    },
    restore: (tensors, data) => {
      const [trees, values] = [fieldsOf(tensors), fieldsOf(data)]
      if (values?.size !== codecs.length || trees === null)
        return E.left(`its data are not those of ${codecs.length} fields`)
      return pipe(
        codecs,
        E.traverseArray(([name, codec]) => {
          const value = values.get(name)
          return value === undefined
            ? E.left(`it has no data of ${name}`)
            : pipe(
                // A field of JSON is JSON, and a field of a tree a tree.
                codec.restore((trees.get(name) ?? null) as Tree, value as Json),
                E.bimap(
                  (reason) => `${name}: ${reason}`,
                  (restored) => [name, restored] as const,
                ),
              )
        }),
        // The same names, each with what its codec restored.
        E.map((restored) => Object.fromEntries(restored) as S),
      )
    },
  }
}
