/** What the device needs of the system it runs on. Loaded when it is asked for, so that a browser's bundle never has it. */
import type * as ChildProcess from 'node:child_process'
import type * as Crypto from 'node:crypto'
import type * as Fs from 'node:fs'
import type * as Os from 'node:os'
import type * as Path from 'node:path'

/** A function of a library. */
export type NativeFunction = (...args: readonly unknown[]) => unknown
export interface Library {
  readonly func: (name: string, result: string, parameters: string[]) => NativeFunction
  /** The address of a function. */
  readonly symbol: (name: string) => bigint
}
export interface Foreign {
  readonly load: (path: string) => Library
}

export interface System {
  readonly process: typeof ChildProcess
  readonly crypto: typeof Crypto
  readonly fs: typeof Fs
  readonly os: typeof Os
  readonly path: typeof Path
  readonly foreign: Foreign
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly platform: string
}

const isNode = (): boolean =>
  (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined

/** Rejects where there is no Node, or where koffi is not installed. */
export const loadSystem = async (): Promise<System> => {
  if (!isNode()) throw new Error('it runs in Node only')
  const [childProcess, crypto, fs, os, path] = await Promise.all([
    import('node:child_process'),
    import('node:crypto'),
    import('node:fs'),
    import('node:os'),
    import('node:path'),
  ])
  const koffi = await import('koffi')
  return {
    process: childProcess,
    crypto,
    fs,
    os,
    path,
    foreign: koffi.default,
    environment: globalThis.process.env,
    platform: globalThis.process.platform,
  }
}
