/**
 * What a layer is: `initX(config)(key)` makes parameters, a plain readonly tree; `x(params)` is a plain function of the
 * data. Layers compose by `flow` and `pipe`; there is no module object, no mode and no hidden state.
 */
import type { Shape, Tensor, random } from '@adjoint/tensor'

/** Real-valued data of any shape. */
export type Floats = Tensor<Shape, 'f32'>

/** Token ids, positions and other indices. */
export type Integers = Tensor<Shape, 'i32'>

/** Truth values: masks. */
export type Booleans = Tensor<Shape, 'bool'>

/** What randomness is drawn from; see `random.key`. */
export type Key = random.Key

/** A layer applied to its parameters. */
export type Layer = (x: Floats) => Floats

/** A layer whose result has the shape of its data, with the dimensions that the compiler knows of it: one kind of `Layer`. */
export type SameShape = <S extends Shape>(x: Tensor<S, 'f32'>) => Tensor<S, 'f32'>
