/** Node's files and paths. `#disk` names this file in Node; a browser's bundle gets absent.ts in its place. */
export { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
export { basename, dirname, join } from 'node:path'
