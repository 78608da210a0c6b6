/** Options by name. Types say which there are; plain JavaScript, and configurations that come from files, may pass anything. */
import { shown } from '../base/errors.ts'
import { own } from '../base/own.ts'
import { isExpr } from './expr.ts'

/**
 * The list that an operation was configured with, copied, or one of the `others` (types, in words). Throws TypeError where it is
 * neither: forgotten, or a tensor that was meant for the function this returns.
 */
export const listOf = <T>(op: string, given: T, others = ''): T => {
  if (Array.isArray(given) || others.includes(typeof given)) return own(given)
  throw new TypeError(`${op}: takes a list${others} first, not ${shown(given)}, and then its tensors: ${op}([..])(x).`)
}

/** All options of a record, by name. */
export type OptionNames<C extends object> = { readonly [K in keyof C]-?: true }

/**
 * What an operation was configured with, in lists of its own. Throws TypeError for what is no record of options (a number, a list, a
 * tensor that was meant for the function this returns), and for an option that the operation does not have.
 */
export const optionsOf = <C extends object>(op: string, given: C, names: OptionNames<C>): C => {
  const value: unknown = given
  const known = Object.keys(names)
  const choices = `${known.length === 1 ? 'Its option is' : 'Its options are'} ${known.join(', ')}`
  if (typeof value !== 'object' || value === null || isExpr(value) || Array.isArray(value))
    throw new TypeError(
      `${op}: its options are ${shown(value)}, not an object. ${isExpr(value) ? `An operation takes its options first, and then its tensors: ${op}()(x). ` : ''}${choices}: pass them by name, { ${known[0]!}: .. }.`,
    )
  const odd = Object.keys(value).find((name) => !Object.hasOwn(names, name))
  if (odd !== undefined) throw new TypeError(`${op}: it has no option '${odd}'. ${choices}.`)
  return own(given)
}

/** Those options of a configuration that another operation has: what one that is made of several hands to each. */
export const optionsFor = <C extends object>(names: OptionNames<C>, config: C): C =>
  // what is left out of a record of options is an option that was not given, which each of them may be or C would not allow it
  Object.fromEntries(Object.entries(config).filter(([name]) => Object.hasOwn(names, name))) as C
