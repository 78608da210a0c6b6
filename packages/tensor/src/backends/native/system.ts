/** What the device needs of the system it runs on. Loaded when it is asked for, so that a browser's bundle never has it. */
import type * as ChildProcess from 'node:child_process'
import type * as Crypto from 'node:crypto'
import type * as Fs from 'node:fs'
import type * as Os from 'node:os'
import type * as Path from 'node:path'
import { loadForeign } from './foreign.ts'
import type { Foreign } from './library.ts'

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
  const { process: node } = globalThis
  return {
    process: node.getBuiltinModule('node:child_process'),
    crypto: node.getBuiltinModule('node:crypto'),
    fs: node.getBuiltinModule('node:fs'),
    os: node.getBuiltinModule('node:os'),
    path: node.getBuiltinModule('node:path'),
    foreign: await loadForeign(),
    environment: node.env,
    platform: node.platform,
  }
}
