/** In place of verify.ts in a browser's bundle: there is no environment there that could ask for it. */
import type {
  verifyExprs as Exprs,
  verifyGroups as Groups,
  verifyProgram as Program,
  verifyUnwritten as Unwritten,
} from './verify.ts'

export const verifying = (): boolean => false
export const verifyExprs: typeof Exprs = () => undefined
export const verifyGroups: typeof Groups = () => undefined
export const verifyProgram: typeof Program = () => undefined
export const verifyUnwritten: typeof Unwritten = () => undefined
