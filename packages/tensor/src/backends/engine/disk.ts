/** What keeping files takes of the system: Node's modules, asked for when they are needed, so that a bundle for browsers has none. */
import type * as Crypto from 'node:crypto'
import type * as Fs from 'node:fs'
import type * as Os from 'node:os'
import type * as Path from 'node:path'

export interface Disk {
  readonly crypto: typeof Crypto
  readonly fs: typeof Fs
  readonly os: typeof Os
  readonly path: typeof Path
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly platform: string
}

/** A bundle's stand-in for `process` may have no versions. */
type Host = { readonly process?: Omit<NodeJS.Process, 'versions'> & { readonly versions?: { readonly node?: string } } }

/** Null where there is no Node. */
export const findDisk = (): Disk | null => {
  const { process: node } = globalThis as Host
  if (node?.versions?.node === undefined) return null
  return {
    crypto: node.getBuiltinModule('node:crypto'),
    fs: node.getBuiltinModule('node:fs'),
    os: node.getBuiltinModule('node:os'),
    path: node.getBuiltinModule('node:path'),
    environment: node.env,
    platform: node.platform,
  }
}
