/** What a device does or not: what was asked for, and what the environment says. */
import * as E from '../../base/either.ts'
import { shown } from '../../base/errors.ts'

interface Host {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> }
}

/** `given` for `option`, else what the environment's `variable` says (on or off), else off. Left where neither makes sense: what it takes. */
export const switched = (option: string, variable: string, given: boolean | undefined): E.Either<string, boolean> => {
  const asked: unknown = given
  if (asked !== undefined)
    return typeof asked === 'boolean' ? E.right(asked) : E.left(`${option} is ${shown(asked)}; it takes true or false`)
  const named = (globalThis as Host).process?.env?.[variable] ?? ''
  if (named === '' || named === 'off') return E.right(false)
  return named === 'on' ? E.right(true) : E.left(`${variable} is '${named}'; it takes on or off`)
}

/** Whether a device measures its products: `given`, else what ADJOINT_TUNE says, else not. */
export const tuneSetting = (given: boolean | undefined): E.Either<string, boolean> =>
  switched('tune', 'ADJOINT_TUNE', given)
