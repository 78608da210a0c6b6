/**
 * The page of runs that go on, on this machine only. Its server listens on 127.0.0.1 and answers no other host's name: a
 * page of the web whose name was made to point here (DNS rebinding) is refused. Files are looked at, not watched: that
 * works on every file system, and a page costs more than a look.
 */
import * as E from 'fp-ts/lib/Either.js'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { find, gather, versionOf } from './gather.ts'
import { type About, pageOf } from './viewer.ts'

/** What to serve. */
export interface LiveConfig {
  /** Paths as on the command line; one that is not there yet is waited for. */
  readonly runs: readonly string[]
  /** 0: whichever is free. */
  readonly port: number
  readonly about?: About
  /** ms between two looks at the files. Default 500. */
  readonly every?: number
}

/** A server that runs. */
export interface Live {
  readonly url: string
  readonly port: number
  /** Ends the server and all its connections. */
  readonly close: () => Promise<void>
}

interface Page {
  /** Files as they were when it was made. */
  readonly version: string
  readonly number: number
  readonly text: string
}

const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const

const NAMES: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost'])

/** Whether a request was meant for this server: its Host header names this machine, at this port. */
export const isOurs = (host: string | undefined, port: number): boolean => {
  const [, name, at] = /^([^:]+)(?::(\d+))?$/.exec(host ?? '') ?? []
  return name !== undefined && NAMES.has(name.toLowerCase()) && Number(at ?? 80) === port
}

/** Whether a file went while it was looked for, as those of a run do that is moved or begun anew: the next look finds what is there then. */
const isGone = (thrown: unknown): boolean => thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'

const refuse = (response: ServerResponse, status: number, words: string): void => {
  response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end(`${words}\n`)
}

const listen = (server: Server, port: number): Promise<E.Either<string, number>> =>
  new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(
        E.left(
          error.code === 'EADDRINUSE'
            ? `port ${port} is taken: choose another, or leave out --port.`
            : `the page cannot be served on port ${port}: ${error.message}`,
        ),
      ),
    )
    server.listen(port, '127.0.0.1', () => resolve(E.right((server.address() as AddressInfo).port)))
  })

/** Serves the page of runs until it is closed. Left: why it cannot be served, one sentence. */
export const serveLive = async ({
  runs,
  port,
  about = {},
  every = 500,
}: LiveConfig): Promise<E.Either<string, Live>> => {
  const readers = new Set<ServerResponse>()

  const build = async (number: number): Promise<Page> => {
    const gathered = await gather(runs)
    const text = await pageOf(gathered.runs, { ...about, problems: gathered.problems, live: String(number) })
    return { version: gathered.version, number, text }
  }
  let page = await build(0)

  /** Why there is no page of what there is now; null where there is one. One line, as events of a stream are. */
  let trouble: string | null = null

  const tell = (reader: ServerResponse): void =>
    void reader.write(
      trouble === null ? `event: version\ndata: ${page.number}\n\n` : `event: trouble\ndata: ${trouble}\n\n`,
    )

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { port: ours } = server.address() as AddressInfo
    if (!isOurs(request.headers.host, ours)) refuse(response, 403, 'This page is for this machine only.')
    else if (request.method !== 'GET' && request.method !== 'HEAD') refuse(response, 405, 'Only GET is answered.')
    else if (request.url === '/') {
      response.writeHead(200, { ...HEADERS, 'content-type': 'text/html; charset=utf-8' })
      response.end(request.method === 'HEAD' ? undefined : page.text)
    } else if (request.url === '/events') {
      response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' })
      if (request.method === 'HEAD') return void response.end()
      readers.add(response)
      request.on('close', () => readers.delete(response))
      tell(response)
    } else refuse(response, 404, 'There is one page here, at /.')
  }
  const server = createServer(answer)

  let closed = false
  let timer: NodeJS.Timeout | null = null
  const look = async (): Promise<void> => {
    const [before, was] = [page.number, trouble]
    const began = performance.now()
    try {
      const version = await versionOf(await find(runs))
      if (version !== page.version) page = await build(page.number + 1)
      trouble = null
    } catch (thrown) {
      if (!isGone(thrown)) trouble = `no page could be made of what is new: ${String(thrown).replaceAll(/\s+/g, ' ')}`
    }
    if (page.number !== before || trouble !== was) readers.forEach(tell)
    // Of a long run a page takes seconds to make: two thirds of the time are the run's.
    const wait = Math.max(every, 2 * (performance.now() - began))
    if (!closed) timer = setTimeout(() => void look(), wait)
  }

  const listening = await listen(server, port)
  if (E.isLeft(listening)) return listening
  timer = setTimeout(() => void look(), every)
  return E.right({
    url: `http://127.0.0.1:${listening.right}/`,
    port: listening.right,
    close: () =>
      new Promise((resolve) => {
        closed = true
        if (timer !== null) clearTimeout(timer)
        for (const reader of readers) reader.end()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  })
}
