/** Libraries of compiled code, as this device calls them. */

/** A function of a library. */
export interface NativeFunction {
  (...args: readonly unknown[]): unknown
  /** The same on a thread of its own; the last argument is told of an error (null where there is none) and the result. */
  readonly async: (...args: readonly unknown[]) => void
}
export interface Library {
  readonly func: (name: string, result: string, parameters: string[]) => NativeFunction
  /** The address of a function. */
  readonly symbol: (name: string) => bigint
}
export interface Foreign {
  /** null: what this process has loaded already, the C library with it. */
  readonly load: (path: string | null) => Library
}
