/**
 * Shapes at compile time: the twin of shape.ts as types. Literal and named dimensions are checked; a dynamic one
 * (`number`), a dynamic axis or an unknown rank defers to the run-time rule. A wrong shape is a type whose text is the
 * message. Recursion is one step per axis, so that checking stays linear in the rank.
 */
export type { Check, CommonDType, Ok, SameDType, ShapeMismatch } from './shape-type/dims.ts'
export type { Broadcast, BroadcastsTo, MatMul } from './shape-type/broadcast.ts'
export type { At, Axes, HasAxis, Reduce, WithAxis } from './shape-type/axes.ts'
export type { Filled } from './shape-type/creation.ts'
export type { InsertAxis, Reshape, Squeeze, Transpose } from './shape-type/movement.ts'
export type { Concat, Stack } from './shape-type/join.ts'
export type { NestedShape, Take } from './shape-type/indexing.ts'
export type { TupleOf } from './shape-type/literal.ts'
