/**
 * In place of node.ts where there is no Node. Learning needs nothing of it; what keeps a run in a folder does, and says so where
 * it is used.
 */
export type { FileHandle } from 'node:fs/promises'

const absent = (): never => {
  throw new Error(
    'a run in a folder needs files, which only Node has. Elsewhere call the step of an algorithm (grpoStep) in a loop of your own.',
  )
}

export const access = absent
export const createHash = absent
export const createInterface = absent
export const createReadStream = absent
export const hostname = absent
export const join = absent
export const open = absent
export const readdir = absent
export const readFile = absent
export const readlink = absent
export const realpath = absent
export const rm = absent
export const sleep = absent
export const truncate = absent
export const writeFile = absent
export const threadId = 0
/** A browser does not count listeners. */
export const setMaxListeners = (): void => undefined

/** A value in a message; objects as far as JSON knows them. */
export const inspect = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? `'${value}'` : String(value)
  if (value instanceof Error) return value.stack ?? String(value)
  try {
    return JSON.stringify(value)
  } catch {
    return Object.prototype.toString.call(value) // a cycle, or a bigint inside
  }
}
