/**
 * Optimizers as in optax: a gradient transformation is a pair of pure functions, `init` for its state and `update` from
 * gradients to updates; composing them by `chain` makes an optimizer. State is a tree, counts are traced scalars, so that
 * a whole training step is one `jit`, with parameters and state donated.
 */
import type { Tangent } from '@adjoint/autograd'
import {
  add,
  cast,
  DTypeError,
  type Scalar,
  type Shape,
  ShapeError,
  type Tensor,
  tree,
  type Tree,
  TreeError,
  zerosLike,
} from '@adjoint/tensor'
import { atCaller } from '@adjoint/tensor/ir'
import { demandFields, demandFunction } from '../demands.ts'
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import type { Floats } from '../layer.ts'

/**
 * What a step knows besides gradients and parameters, by name. Transformations that contain others hand all of it on; each
 * takes what it needs, and throws where that is missing.
 */
export interface ExtraArguments {
  /** The loss of this step: what `reduceOnPlateau` watches. */
  readonly value?: Scalar
  /** What the micro-batch holds (its tokens, or its rows), for `accumulate`. */
  readonly weight?: number | Scalar
  /** What transformations of a reader's own take. */
  readonly [name: string]: Tree | number | undefined
}

/**
 * A step of an optimizer. `update(updates, state, params, extra)` returns new updates of the same structure and the next
 * state; the first `updates` of a chain are the gradients, the last are what `applyUpdates` adds to the parameters.
 */
export interface GradientTransformation<S extends Tree = Tree> {
  /** The state before the first step. */
  readonly init: (params: Tree) => S
  /** New updates, and the next state. */
  readonly update: <P extends Tree>(
    updates: NoInfer<Tangent<P>>,
    state: S,
    params: P,
    extra?: ExtraArguments,
  ) => readonly [updates: Tangent<P>, state: S]
}

const isFloats = (x: Tensor): x is Tensor<Shape, 'f32'> => x.dtype === 'f32'

/** The leaf as real numbers, which are computed with as f32. Throws DTypeError: integers and truth values have no gradient to follow. */
export const floats = (x: Tensor): Floats => {
  if (isFloats(x)) return x
  if (x.dtype === 'f16' || x.dtype === 'bf16') return cast('f32')(x)
  throw new DTypeError({
    op: 'optimizer',
    operands: [x],
    rule: 'parameters and updates are floats',
    fix: 'Keep integers and masks out of the tree of parameters',
  })
}

const sameShape = (x: Tensor, y: Tensor): boolean =>
  x.shape.length === y.shape.length && x.shape.every((n, i) => n === y.shape[i])

/**
 * `tree.map` over leaves of real numbers, which have the same shapes in all trees: gradients, state and parameters belong
 * together. Throws TreeError or ShapeError that names the path.
 */
export const mapFloats = <T extends Tree>(
  f: (...leaves: Floats[]) => Floats,
  first: T,
  ...rest: readonly Tree[]
): T => {
  let at = 0
  const each = (...leaves: Tensor[]): Tensor => {
    const other = leaves.find((x) => !sameShape(x, leaves[0]!))
    if (other !== undefined)
      throw new ShapeError({
        op: 'optimizer',
        operands: [leaves[0]!, other],
        rule: `leaves at ${tree.paths(first)[at]!} differ in shape`,
        fix: 'Give parameters, their gradients, and the state that init made for these parameters',
      })
    at++
    return f(...leaves.map(floats))
  }
  return atCaller(() => tree.map(each, first, ...rest))
}

/**
 * What `init` made, as `update` receives it: throws TreeError where it is not a record with these fields. Types say so too,
 * but a state often comes from a file, or from a loop that began without one.
 */
export const demandState = (op: string, fields: readonly string[], state: unknown): void => {
  const given = typeof state === 'object' && state !== null ? Object.keys(state) : null
  if (given !== null && fields.every((field) => given.includes(field))) return
  throw new TreeError(
    `${op}: the state is ${given === null ? String(state) : `a record of {${given.join(', ')}}`}, and has to hold {${fields.join(', ')}}. ` +
      'Begin with init(params) of this optimizer, and hand on the state that update returns.',
  )
}

/** Throws TypeError unless it is a gradient transformation. */
export const demandTransformation = (op: string, what: string, given: unknown): void => {
  demandFields(
    op,
    what,
    given,
    ['init', 'update'],
    'Give an optimizer or a part of one, such as adam({ learningRate: 1e-3 }).',
  )
}

/** What a state keeps for parameters (a mean of their gradients), as the updates of them that it is. Throws as `mapFloats`. */
export const tangentOf = <P extends Tree>(params: P, kept: Tree): Tangent<P> =>
  // in the structure and shapes of the parameters, which is checked, and in f32: what the type says
  mapFloats((_, x) => x, params, kept) as Tangent<P>

/** A tree of floats in the dtypes of another of the same structure. */
export const castLike = <T extends Tree>(like: T, x: T): T =>
  tree.map((value: Tensor, { dtype }: Tensor): Tensor => cast(dtype)(value), x, like)

/** Zeros with the structure and shapes of a tree, as they are computed with. */
export const zeroTree = <T extends Tree>(like: T): T => mapFloats((x) => zerosLike(x), like)

/**
 * The transformation with its state's type forgotten, as lists of transformations need; what it receives is what it has
 * made, so the cast back holds.
 *
 * @example
 * ```ts
 * import { opaque, scale, sgd } from '@adjoint/nn'
 * const choices = [opaque(scale(-1)), opaque(sgd({ learningRate: 0.1 }))]
 * console.log(choices.length) // 2
 * ```
 */
export const opaque = <S extends Tree>(inner: GradientTransformation<S>): GradientTransformation => {
  demandTransformation('opaque', 'its argument', inner)
  const { init, update } = inner
  return { init, update: (updates, state, params, extra) => update(updates, state as S, params, extra) }
}

/**
 * A transformation without state.
 *
 * @example
 * ```ts
 * import { stateless } from '@adjoint/nn'
 * import { neg, ones, readAsync, tree } from '@adjoint/tensor'
 * const ascend = stateless((updates) => tree.map((u) => neg(u), updates))
 * const g = { bias: ones([1]) }
 * console.log(await readAsync(ascend.update(g, null, g)[0].bias)) // Float32Array [-1]
 * ```
 */
export const stateless = (
  f: <P extends Tree>(updates: Tangent<P>, params: P) => Tangent<P>,
): GradientTransformation<null> => {
  demandFunction('stateless', 'its argument', f, 'Give a function of updates and parameters that returns updates.')
  return {
    init: () => null,
    update: (updates, state, params) => [f(updates, params), state],
  }
}

/**
 * Passes updates through.
 *
 * @example
 * ```ts
 * import { identity } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * const grads = { weight: ones([2]) }
 * console.log(identity.update(grads, null, grads)[0] === grads) // true
 * ```
 */
export const identity: GradientTransformation<null> = stateless((updates) => updates)

/**
 * One transformation after another, from left to right. Its state is the list of theirs; each is given the extra arguments
 * of the step. Its update throws TreeError where it is given another state.
 *
 * @example
 * ```ts
 * import { chain, clipByGlobalNorm, sgd } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * const params = { weight: ones([2, 3]) }
 * const optimizer = chain(clipByGlobalNorm(1), sgd({ learningRate: 0.1 }))
 * const [updates] = optimizer.update({ weight: ones([2, 3]) }, optimizer.init(params), params)
 * console.log(updates.weight.shape) // [2, 3]
 * ```
 */
export const chain = <const S extends readonly Tree[]>(
  ...links: { readonly [K in keyof S]: GradientTransformation<S[K]> }
): GradientTransformation<S> => {
  // The mapped tuple is a list of transformations whose states are paired with them by position.
  const list = links as readonly GradientTransformation[]
  list.forEach((link, i) => {
    demandTransformation('chain', `argument ${i + 1}`, link)
  })
  return {
    init: (params) => list.map((link) => link.init(params)) as readonly Tree[] as S,
    update: (updates, states, params, extra) => {
      const given: unknown = states
      if (!Array.isArray(given) || given.length !== list.length)
        throw new TreeError(
          `chain: the state is ${Array.isArray(given) ? `a list of ${given.length}` : given === null ? 'null' : `no list but ${typeof given}`}, ` +
            `and has to be the list of the states of ${list.length} transformations. ` +
            'Begin with init(params) of this chain, and hand on the state that update returns.',
        )
      let current = updates
      const next: Tree[] = []
      list.forEach((link, i) => {
        const [after, state] = link.update(current, states[i]!, params, extra)
        current = after
        next.push(state)
      })
      return [current, next as readonly Tree[] as S]
    },
  }
}

/**
 * Gradient transformations under `chain`, with `identity` for the empty one. The laws hold for updates; states are equal
 * up to their nesting.
 *
 * @example
 * ```ts
 * import { opaque, scale, transformations } from '@adjoint/nn'
 * import { concatAll } from 'fp-ts/lib/Monoid.js'
 * const descend = concatAll(transformations)([scale(0.1), scale(-1)].map(opaque))
 * console.log(Object.keys(descend)) // ['init', 'update']
 * ```
 */
export const transformations: Monoid<GradientTransformation> = {
  empty: opaque(identity),
  concat: (first, second) => opaque(chain(first, second)),
}

/**
 * Parameters after an update: `params + updates`, leaf by leaf, in the dtypes of the parameters.
 *
 * @example
 * ```ts
 * import { applyUpdates } from '@adjoint/nn'
 * import { full, ones, readAsync } from '@adjoint/tensor'
 * const next = applyUpdates({ bias: ones([2]) }, { bias: full([2], -0.25) })
 * console.log(await readAsync(next.bias)) // Float32Array [0.75, 0.75]
 * ```
 */
export const applyUpdates = <P extends Tree>(params: P, updates: Tree): P =>
  castLike(
    params,
    mapFloats((p, u) => add(p, u), params, updates),
  )
