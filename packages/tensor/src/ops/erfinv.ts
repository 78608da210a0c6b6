/** The inverse of the error function. */
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'

const like = (x: Expr, value: number): Expr => raw.fill(x.shape, x.dtype, value)

/** Giles 2010, "Approximating the erfinv function", single precision: p(w - 2.5) for w < 5, else p(sqrt(w) - 3). */
const NEAR = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
]
const FAR = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
]

/** The inverse of the error function on (-1, 1), by the polynomials that XLA evaluates in single precision. */
export const erfinvOf = (x: Expr): Expr => {
  const w = raw.neg(raw.log1p(raw.neg(raw.mul(x, x))))
  const near = raw.lt(w, like(w, 5))
  const t = raw.where(near, raw.sub(w, like(w, 2.5)), raw.sub(raw.sqrt(w), like(w, 3)))
  const coefficient = (i: number): Expr => raw.where(near, like(w, NEAR[i]!), like(w, FAR[i]!))
  let p = coefficient(0)
  for (let i = 1; i < NEAR.length; i++) p = raw.add(coefficient(i), raw.mul(p, t))
  return raw.mul(p, x)
}
