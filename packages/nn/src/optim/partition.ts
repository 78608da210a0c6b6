/**
 * Several transformations for one tree: each is given the leaves that are its own, with nothing at the places of the
 * others, so that it holds no state for them. A leaf that nobody is given may be of any dtype.
 */
import { type Tensor, tree, type Tree, TreeError, zerosLike } from '@adjoint/tensor'
import { demandFields } from '../demands.ts'
import { type Labels, marksOf, type Mask } from './mark.ts'
import {
  demandState,
  demandTransformation,
  type ExtraArguments,
  type GradientTransformation,
  opaque,
  stateless,
} from './transformation.ts'

/** The tree with the leaves that `keep` takes; null at the places of the others. */
const only = (t: Tree, keep: (at: number) => boolean): Tree => {
  let at = 0
  return tree.map((leaf): Tensor | null => (keep(at++) ? leaf : null), t)
}

/** The tree with those leaves in the places that `keep` takes. */
const replaced = <P extends Tree>(op: string, t: P, keep: (at: number) => boolean, leaves: readonly Tensor[]): P => {
  let [at, next] = [0, 0]
  const result = tree.map((leaf) => (keep(at++) ? leaves[next++] : leaf) ?? leaf, t)
  if (next !== leaves.length)
    throw new TreeError(
      `${op}: a transformation returned ${leaves.length} updates for its ${next}. Return a tree of the structure of the updates.`,
    )
  return result
}

/** A step of a transformation on the leaves that are its own; updates of the others pass. */
const within = <U extends Tree, S extends Tree>(
  op: string,
  inner: GradientTransformation<S>,
  own: (at: number) => boolean,
  { updates, state, params, extra }: Step<U, S>,
): readonly [U, S] => {
  const [step, next] = inner.update(only(updates, own), state, only(params, own), extra)
  return [replaced(op, updates, own, tree.leaves(step)), next]
}

interface Step<U extends Tree, S extends Tree> {
  readonly updates: U
  readonly state: S
  readonly params: Tree
  readonly extra: ExtraArguments | undefined
}

/**
 * Applies `inner` to the leaves that `mask` takes; the updates of the others pass as they are, and `inner` holds nothing
 * for them: their places are null in its state. The mask is a function of path and leaf, or a tree of truth values, each for
 * its leaf or for all leaves below its place. Leaves that shall not move at all are given to `setToZero` by `partition`.
 * Throws TreeError where a tree of truth values does not fit the parameters.
 *
 * @example
 * ```ts
 * import { masked, scale } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * const params = { body: [ones([1]), ones([1])], head: ones([1]) }
 * const half = masked({ body: true, head: false })(scale(0.5))
 * const [updates] = half.update(params, half.init(params), params)
 * console.log(await readAsync(updates.body[1]!), await readAsync(updates.head)) // [0.5] [1]
 * ```
 */
export const masked =
  (mask: Mask) =>
  <S extends Tree>(inner: GradientTransformation<S>): GradientTransformation<S> => {
    demandTransformation('masked', 'its argument', inner)
    const takes = (params: Tree) => {
      const kept = marksOf('masked', mask, params)
      return (at: number): boolean => kept[at]!
    }
    return {
      init: (params) => inner.init(only(params, takes(params))),
      update: (updates, state, params, extra) =>
        within('masked', inner, takes(params), { updates, state, params, extra }),
    }
  }

/**
 * A transformation for each kind of leaf: `labels` says of which kind a leaf is, as a function of path and leaf, or as a tree
 * of words, each for its leaf or for all leaves below its place. The state holds theirs by label; each knows its own leaves
 * alone (the norm of `clipByGlobalNorm` inside is that of its kind). As optax.partition (multi_transform). Throws TreeError
 * for a label without a transformation, and where a tree of labels does not fit the parameters.
 *
 * @example
 * ```ts
 * import { adamW, partition, setToZero } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * const params = { body: ones([2, 2]), head: ones([1]) }
 * const optimizer = partition({ train: adamW({ learningRate: 0.1 }), freeze: setToZero })({ body: 'freeze', head: 'train' })
 * const [updates, state] = optimizer.update(params, optimizer.init(params), params)
 * console.log(await readAsync(updates.body), Object.keys(state)) // [0, 0, 0, 0] ['train', 'freeze']
 * ```
 */
export const partition = <S extends Readonly<Record<string, Tree>>>(parts: {
  readonly [K in keyof S]: GradientTransformation<S[K]>
}) => {
  demandFields(
    'partition',
    'its argument',
    parts,
    [],
    'Give a transformation for each label: { decay: adamW(config), rest: setToZero }.',
  )
  return (labels: Labels<keyof S & string>): GradientTransformation<S> => {
    for (const [name, part] of Object.entries(parts)) demandTransformation('partition', `the part ${name}`, part)
    const names = Object.keys(parts) as readonly (keyof S & string)[]
    const named = names.map((name) => [name, opaque(parts[name])] as const)
    const labelled = (params: Tree): readonly (keyof S & string)[] => {
      const found = marksOf('partition', labels, params)
      const stray = found.findIndex((label) => !names.includes(label))
      if (stray >= 0)
        throw new TreeError(
          `partition: the label of ${tree.paths(params)[stray]!} is ${found[stray]!}, and there are transformations for ` +
            `{${names.join(', ')}}. Give one for each label.`,
        )
      return found
    }
    return {
      init: (params) => {
        const found = labelled(params)
        // Each name with the state that its own transformation made.
        return Object.fromEntries(
          named.map(([name, part]) => [name, part.init(only(params, (at) => found[at] === name))]),
        ) as Readonly<Record<string, Tree>> as S
      },
      update: (updates, states, params, extra) => {
        demandState('partition', names, states)
        const found = labelled(params)
        let current = updates
        const next: Record<string, Tree> = {}
        for (const [name, part] of named) {
          const step = { updates: current, state: states[name]!, params, extra }
          ;[current, next[name]] = within('partition', part, (at) => found[at] === name, step)
        }
        return [current, next as Readonly<Record<string, Tree>> as S]
      },
    }
  }
}

/**
 * Updates of 0, whatever the gradients: for parameters that stay as they are.
 *
 * @example
 * ```ts
 * import { setToZero } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * const g = { bias: full([2], NaN) }
 * console.log(await readAsync(setToZero.update(g, null, g)[0].bias)) // Float32Array [0, 0]
 * ```
 */
export const setToZero: GradientTransformation<null> = stateless((updates) =>
  tree.map((u): Tensor => zerosLike(u), updates),
)
