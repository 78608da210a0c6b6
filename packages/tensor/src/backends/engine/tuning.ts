/** Whether a device measures its products: what was asked for, and what the environment says. */
import * as E from '../../base/either.ts'
import { shown } from '../../base/errors.ts'

interface Host {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> }
}

/** `given`, else what ADJOINT_TUNE says, else not. Left where neither makes sense: what it takes. */
export const tuneSetting = (given: boolean | undefined): E.Either<string, boolean> => {
  const asked: unknown = given
  if (asked !== undefined)
    return typeof asked === 'boolean' ? E.right(asked) : E.left(`tune is ${shown(asked)}; it takes true or false`)
  const named = (globalThis as Host).process?.env?.['ADJOINT_TUNE'] ?? ''
  if (named === '' || named === 'off') return E.right(false)
  return named === 'on' ? E.right(true) : E.left(`ADJOINT_TUNE is '${named}'; it takes on or off`)
}
