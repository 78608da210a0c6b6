/** The list of primitives: what is exported. Whoever names it gets all of them, so it is a module of its own. */
import type { Primitive } from '../graph/expr.ts'
import * as raw from './raw.ts'

const isRecord = (value: unknown): value is Primitive<never> =>
  typeof value === 'object' && value !== null && 'lower' in value && 'evaluate' in value

/** All records; the laws run over this list. */
export const primitives: readonly Primitive<never>[] = Object.values(raw).flatMap((value: unknown) =>
  isRecord(value) ? [value] : [],
)
