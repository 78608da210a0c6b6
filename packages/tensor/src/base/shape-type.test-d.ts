/** The compile-time shape algebra, case by case: `equal` compiles only where the two types are the same. */
import { dim, type Shape, type Var } from './shape.ts'
import type {
  At,
  Broadcast,
  Concat,
  InsertAxis,
  MatMul,
  Reduce,
  Reshape,
  ShapeMismatch,
  Squeeze,
  Stack,
  Take,
  Transpose,
  WithAxis,
} from './shape-type.ts'

type Identical<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const equal = <A, B>(_same: Identical<A, B>): void => undefined
/** The type must be a mismatch. */
const wrong = <A extends ShapeMismatch<string>>(_mismatch?: A): void => undefined

type T = Var<'T'>
type C = Var<'C'>
const named = dim('T', 7)
equal<typeof named, T>(true)

// broadcasting
equal<Broadcast<readonly [2, 3], readonly [3]>, readonly [2, 3]>(true)
equal<Broadcast<readonly [2, 1], readonly [1, 5]>, readonly [2, 5]>(true)
equal<Broadcast<readonly [], readonly [T, 4]>, readonly [T, 4]>(true)
equal<Broadcast<readonly [number, 3], readonly [2, 3]>, readonly [2, 3]>(true)
equal<Broadcast<Shape, readonly [2, 3]>, Shape>(true)
wrong<Broadcast<readonly [2, 3], readonly [4]>>()
wrong<Broadcast<readonly [T], readonly [C]>>()
equal<Broadcast<readonly [2], readonly [3]>, ShapeMismatch<'broadcast: 2 and 3 differ'>>(true)
equal<Broadcast<readonly [T], readonly [3]>, ShapeMismatch<'broadcast: T and 3 differ'>>(true)

// products
equal<MatMul<readonly [2, 3], readonly [3, 4]>, readonly [2, 4]>(true)
equal<MatMul<readonly [5, T, C], readonly [C, 64]>, readonly [5, T, 64]>(true)
equal<MatMul<readonly [3], readonly [3]>, readonly []>(true)
equal<MatMul<readonly [3], readonly [7, 3, 4]>, readonly [7, 4]>(true)
equal<MatMul<readonly [7, 2, 3], readonly [3]>, readonly [7, 2]>(true)
equal<MatMul<readonly [7, 1, 2, 3], readonly [5, 3, 4]>, readonly [7, 5, 2, 4]>(true)
wrong<MatMul<readonly [2, 3], readonly [4, 3]>>()
wrong<MatMul<readonly [2, T], readonly [C, 3]>>()
wrong<MatMul<readonly [], readonly [3]>>()

// reductions
equal<Reduce<readonly [2, 3, T], 0>, readonly [3, T]>(true)
equal<Reduce<readonly [2, 3, T], -1>, readonly [2, 3]>(true)
equal<Reduce<readonly [2, 3, T], -1, true>, readonly [2, 3, 1]>(true)
equal<Reduce<readonly [2, 3, T], readonly [0, -1]>, readonly [3]>(true)
equal<Reduce<readonly [2, 3], undefined>, readonly []>(true)
equal<Reduce<readonly [2, 3], undefined, true>, readonly [1, 1]>(true)
equal<Reduce<readonly [2, 3], number>, Shape>(true)
equal<Reduce<Shape, 0>, Shape>(true)
wrong<Reduce<readonly [2, 3], 2>>()
wrong<Reduce<readonly [2, 3], -3>>()
wrong<Reduce<readonly [2, 3], readonly [0, 5]>>()

// movement
equal<Reshape<readonly [2, 6], readonly [3, 4]>, readonly [3, 4]>(true)
equal<Reshape<readonly [2, T, 6], readonly [T, 3, 4]>, readonly [T, 3, 4]>(true)
equal<Reshape<readonly [2, 6], readonly [3, -1]>, readonly [3, number]>(true)
equal<Reshape<readonly [64, 64], readonly [4096]>, readonly [4096]>(true)
equal<Reshape<readonly [512, 512], readonly [512, 8, 64]>, readonly [512, 8, 64]>(true)
equal<Reshape<readonly [50257, 768], readonly [768, 50257]>, readonly [768, 50257]>(true)
wrong<Reshape<readonly [2, 6], readonly [3, 5]>>()
wrong<Reshape<readonly [T, 6], readonly [T, 7]>>()
wrong<Reshape<readonly [512, 512], readonly [512, 8, 63]>>()
equal<Transpose<readonly [2, 3, T], undefined>, readonly [T, 3, 2]>(true)
equal<Transpose<readonly [2, 3, T], readonly [0, -1, 1]>, readonly [2, T, 3]>(true)
wrong<Transpose<readonly [2, 3], readonly [0]>>()
wrong<Transpose<readonly [2, 3], readonly [0, 2]>>()
equal<InsertAxis<readonly [2, 3], 0, 1>, readonly [1, 2, 3]>(true)
equal<InsertAxis<readonly [2, 3], -1, 1>, readonly [2, 3, 1]>(true)
equal<InsertAxis<readonly [2, 3], 1, 7>, readonly [2, 7, 3]>(true)
wrong<InsertAxis<readonly [2, 3], 3, 1>>()
equal<Squeeze<readonly [1, 3, 1], undefined>, readonly [3]>(true)
equal<Squeeze<readonly [1, 3, 1], -1>, readonly [1, 3]>(true)
wrong<Squeeze<readonly [1, 3, 1], 1>>()

// joining
equal<Concat<readonly [readonly [2, 3], readonly [5, 3]], 0>, readonly [7, 3]>(true)
equal<Concat<readonly [readonly [2, 3], readonly [2, 10], readonly [2, 100]], -1>, readonly [2, 113]>(true)
equal<Concat<readonly [readonly [T, 3], readonly [5, 3]], 0>, readonly [number, 3]>(true)
wrong<Concat<readonly [readonly [2, 3], readonly [5, 4]], 0>>()
wrong<Concat<readonly [readonly [2, 3], readonly [5]], 0>>()
equal<Stack<readonly [readonly [2, 3], readonly [2, 3]], 0>, readonly [2, 2, 3]>(true)
equal<Stack<readonly [readonly [2, 3], readonly [2, 3], readonly [2, 3]], -1>, readonly [2, 3, 3]>(true)
wrong<Stack<readonly [readonly [2, 3], readonly [3, 2]], 0>>()

// indexing
equal<Take<readonly [2, 3, 4], readonly [5, 6], 1>, readonly [2, 5, 6, 4]>(true)
equal<Take<readonly [2, 3], readonly [], 0>, readonly [3]>(true)
wrong<Take<readonly [2, 3], readonly [], 2>>()
equal<At<readonly [2, T], -1>, T>(true)
equal<WithAxis<readonly [2, 3], -1, 9>, readonly [2, 9]>(true)
equal<WithAxis<readonly [2, 3], number, 9>, readonly [number, number]>(true)
