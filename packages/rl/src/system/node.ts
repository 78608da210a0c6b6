/** What runs, their logs and locks need of Node. `#system` names this file there; a browser's bundle gets absent.ts in its place. */
export { createHash } from 'node:crypto'
export { setMaxListeners } from 'node:events'
export { createReadStream } from 'node:fs'
export {
  access,
  type FileHandle,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises'
export { hostname } from 'node:os'
export { join } from 'node:path'
export { createInterface } from 'node:readline'
export { setTimeout as sleep } from 'node:timers/promises'
export { inspect } from 'node:util'
export { threadId } from 'node:worker_threads'
