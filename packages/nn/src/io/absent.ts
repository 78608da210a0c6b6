/** In place of disk.ts where there is no Node: every use of a file says so. */
import type * as disk from './disk.ts'

const absent = (): never => {
  throw new Error(
    'there are no files outside of Node. Give the operation `files` of your own, which read by fetch or from memory.',
  )
}

const none: { readonly [K in keyof typeof disk]: (typeof disk)[K] } = {
  mkdir: absent,
  open: absent,
  readdir: absent,
  readFile: absent,
  rename: absent,
  rm: absent,
  stat: absent,
  basename: absent,
  dirname: absent,
  join: absent,
}
export const { mkdir, open, readdir, readFile, rename, rm, stat, basename, dirname, join } = none
