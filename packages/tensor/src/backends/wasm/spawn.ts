/** Threads of JavaScript, where the engine has them and lets them share memory: in Node, and on a page that is isolated from others. */

export interface Thread {
  readonly post: (message: unknown) => void
}
/** Starts a thread from its program text. It keeps no process alive. `failed` is told of what it throws. */
export type Spawn = (source: string, failed: (error: unknown) => void) => Thread

interface NodeWorker {
  readonly postMessage: (message: unknown) => void
  readonly unref: () => void
  readonly on: (event: 'error', listener: (error: unknown) => void) => void
}
interface WorkerThreads {
  readonly Worker: new (source: string, options: object) => NodeWorker
}
interface PageWorker {
  readonly postMessage: (message: unknown) => void
  readonly addEventListener: (type: 'error', listener: (event: { readonly message?: string }) => void) => void
}
interface Host {
  readonly process?: { readonly getBuiltinModule?: (name: string) => unknown }
  readonly SharedArrayBuffer?: unknown
  readonly crossOriginIsolated?: boolean
  readonly Worker?: new (url: string) => PageWorker
}
const host: Host = globalThis

const inNode =
  ({ Worker }: WorkerThreads): Spawn =>
  (source, failed) => {
    // Nothing of the process's own flags: a loader of modules has nothing to do there.
    const worker = new Worker(source, { eval: true, execArgv: [], name: 'adjoint' })
    worker.on('error', failed)
    worker.unref()
    return { post: (message) => worker.postMessage(message) }
  }

let address: string | null = null
const onPage =
  (Worker: NonNullable<Host['Worker']>): Spawn =>
  (source, failed) => {
    address ??= URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))
    const worker = new Worker(address)
    worker.addEventListener('error', (event) => failed(new Error(event.message ?? 'a worker could not start')))
    return { post: (message) => worker.postMessage(message) }
  }

/** Null where there are no threads, or no memory for them to share. */
export const spawner = (): Spawn | null => {
  if (host.SharedArrayBuffer === undefined) return null
  const threads = host.process?.getBuiltinModule?.('node:worker_threads') as WorkerThreads | undefined
  if (threads !== undefined) return inNode(threads)
  return host.crossOriginIsolated === true && host.Worker !== undefined ? onPage(host.Worker) : null
}
