/** Libraries of compiled code, as this device calls them. */

/** A function of a library. */
export type NativeFunction = (...args: readonly unknown[]) => unknown
export interface Library {
  readonly func: (name: string, result: string, parameters: string[]) => NativeFunction
  /** The address of a function. */
  readonly symbol: (name: string) => bigint
}
export interface Foreign {
  /** null: what this process has loaded already, the C library with it. */
  readonly load: (path: string | null) => Library
}
