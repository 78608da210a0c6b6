/**
 * Layers of one kind as one layer whose parameters have an axis more: a scan over them. It is compiled once, however many
 * layers there are; written out, each is compiled by itself.
 */
import { type Dim, scan, type ScanConfig, type Shape, stack, type Tensor, tree, type Tree } from '@adjoint/tensor'
import { demandList } from './demands.ts'
import type { Keeps } from './dims.ts'
import type { Floats, Layer } from './layer.ts'

/** The tree P with one axis more before those of each leaf, of N elements: parameters of N layers as one. */
export type Stacked<P, N extends Dim = Dim> = [Tree] extends [P]
  ? P
  : P extends Tensor<infer S, infer D>
    ? Tensor<readonly [N, ...S], D>
    : P extends null
      ? null
      : { readonly [K in keyof P]: Stacked<P[K], N> }

/**
 * Parameters of layers of one kind as one tree of the same structure, each leaf [layers, ...]: what `scanLayers` runs over.
 * The dimensions that the compiler knows of them stay behind the new one. Throws TreeError where they differ in structure, ShapeError where they differ in shape, RangeError where there are none.
 *
 * @example
 * ```ts
 * import { initLinear, stackLayers } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const stacked = stackLayers(random.split(random.key(0), 3).map(initLinear({ in: 8, out: 8 })))
 * console.log(stacked.weight.shape) // [3, 8, 8]
 * ```
 */
export function stackLayers<const L extends readonly Tree[]>(layers: L): Stacked<L[number], L['length']>
export function stackLayers(layers: readonly Tree[]): unknown {
  demandList(
    'stackLayers',
    'its argument',
    layers,
    () => true,
    'Give the parameters of each layer: stackLayers([first, second]).',
  )
  const [first, ...rest] = layers
  if (first === undefined)
    throw new RangeError('stackLayers: there are no layers. Give the parameters of one at least.')
  return tree.map((...xs) => stack(0)(xs), first, ...rest)
}

/**
 * `layer(p_n)( .. layer(p_1)(x))`, the parameters being rows of what `stackLayers` made; every layer returns the shape that it
 * takes, and so does all of it, with the dimensions that the compiler knows; another width does not compile. Gradients by the stacked parameters have their shape. `keep: 'carries'` saves what lies between layers alone for the
 * backward pass, and computes each layer once more there (Chen et al., arXiv:1604.06174). Throws as `scan`.
 *
 * @example
 * ```ts
 * import { initLinear, linear, residual, scanLayers, stackLayers } from '@adjoint/nn'
 * import { ones, random } from '@adjoint/tensor'
 * const stacked = stackLayers(random.split(random.key(0), 3).map(initLinear({ in: 8, out: 8 })))
 * const deep = scanLayers((params: ReturnType<ReturnType<typeof initLinear>>) => residual(linear(params)))
 * console.log(deep(stacked)(ones([2, 8])).shape) // [2, 8]
 * ```
 */
export function scanLayers<P extends Tree, F extends Layer>(
  layer: (params: P) => F,
  config?: Pick<ScanConfig, 'keep'>,
): (stacked: Stacked<P>) => <S extends Shape>(x: Tensor<S, 'f32'> & Keeps<'scanLayers', F, S>) => Tensor<S, 'f32'>
export function scanLayers(layer: (params: never) => Layer, config: Pick<ScanConfig, 'keep'> = {}) {
  const run = scan((stream: Floats, row: Floats) => [layer(row as never)(stream), null] as const, config)
  return (stacked: Tree): Layer =>
    (x) =>
      run(x, stacked as Floats)[0]
}
