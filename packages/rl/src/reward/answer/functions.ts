/** The functions and constants of answers, by the command that writes them. */
import { Decimal } from 'decimal.js'
import * as R from './real.ts'
import { type Expression, constant } from './value.ts'

type Function = (a: R.Arithmetic, x: R.Real) => R.Real | null

const ONE = { n: 1n, d: 1n }
const inverse =
  (f: Function): Function =>
  (a, x) => {
    const value = f(a, x)
    return value === null ? null : R.over(a, ONE, value)
  }

const [sin, cos, tan] = [R.apply((x) => x.sin()), R.apply((x) => x.cos()), R.apply((x) => x.tan())]

export const logarithm: Function = R.apply((x) => (x.isPositive() && !x.isZero() ? x.ln() : new Decimal(NaN)))

export const FUNCTIONS: Readonly<Record<string, Function>> = {
  '\\sin': sin,
  '\\cos': cos,
  '\\tan': tan,
  '\\cot': inverse(tan),
  '\\sec': inverse(cos),
  '\\csc': inverse(sin),
  '\\arcsin': R.apply((x) => x.asin()),
  '\\arccos': R.apply((x) => x.acos()),
  '\\arctan': R.apply((x) => x.atan()),
  '\\sinh': R.apply((x) => x.sinh()),
  '\\cosh': R.apply((x) => x.cosh()),
  '\\tanh': R.apply((x) => x.tanh()),
  '\\ln': logarithm,
  '\\exp': R.apply((x) => x.exp()),
}

/** `\sin^{-1} x` is the angle, not the quotient. */
export const INVERSES: Readonly<Record<string, string>> = {
  '\\sin': '\\arcsin',
  '\\cos': '\\arccos',
  '\\tan': '\\arctan',
}

export const CONSTANTS: Readonly<Record<string, Expression>> = {
  '\\pi': constant(R.pi),
  e: constant(R.euler),
  '\\infty': constant(R.infinity),
}

export const GREEK =
  /^\\(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|rho|sigma|tau|phi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Sigma|Phi|Psi|Omega|ell)$/
