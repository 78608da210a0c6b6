/**
 * An OpenAI-compatible server on localhost that misbehaves as it is told. It knows nothing of vitest, so that programs may
 * use it too.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came. */
export interface Asked {
  /** How many came before it. */
  readonly number: number
  readonly at: number
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: {
    readonly model: string
    readonly messages: readonly { readonly role: string; readonly content: string }[]
    readonly stream: boolean
    readonly [field: string]: unknown
  }
}

/** What the server does with a request. */
export type Behaviour = (response: ServerResponse, asked: Asked) => Promise<void> | void

/** What a message says, and in which dialect. */
export interface Spoken {
  readonly content: string
  readonly reasoning?: string
  readonly field?: 'reasoning_content' | 'reasoning'
  readonly finish?: string | null
  readonly usage?: boolean
}

/** How a reply is written. */
export interface Style {
  readonly newline?: '\n' | '\r\n' | '\r'
  /** Keep-alive comments between events. */
  readonly comments?: boolean
  /** Ends a stream with [DONE]. Default true. */
  readonly done?: boolean
  /** Characters of content in a chunk. Default 3. */
  readonly chunk?: number
}

const usageOf = (spoken: Spoken) =>
  spoken.usage === false
    ? null
    : {
        prompt_tokens: 7,
        completion_tokens: spoken.content.length,
        total_tokens: 7 + spoken.content.length,
        ...(spoken.reasoning === undefined
          ? {}
          : { completion_tokens_details: { reasoning_tokens: spoken.reasoning.length } }),
      }

const pieces = (text: string, size: number): readonly string[] => {
  const all = [...text]
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size).join(''))
}

/** The body of a reply in one piece. */
export const wholeReply = (spoken: Spoken): string =>
  JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: spoken.content,
          ...(spoken.reasoning === undefined ? {} : { [spoken.field ?? 'reasoning_content']: spoken.reasoning }),
        },
        finish_reason: spoken.finish === undefined ? 'stop' : spoken.finish,
      },
    ],
    usage: usageOf(spoken),
  })

/** The body of a reply as a stream of events. */
export const streamedReply = (spoken: Spoken, style: Style = {}): string => {
  const { newline = '\n', comments = false, done = true, chunk = 3 } = style
  const event = (choices: readonly unknown[], more: object = {}): string =>
    `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', choices, ...more })}`
  const delta = (said: object, finish: string | null = null): string =>
    event([{ index: 0, delta: said, finish_reason: finish }])
  const usage = usageOf(spoken)
  const finish = spoken.finish === undefined ? 'stop' : spoken.finish
  const lines = [
    delta({ role: 'assistant', content: '' }),
    ...pieces(spoken.reasoning ?? '', chunk).map((p) => delta({ [spoken.field ?? 'reasoning_content']: p })),
    ...pieces(spoken.content, chunk).map((p) => delta({ content: p })),
    ...(finish === null ? [] : [delta({}, finish)]),
    ...(usage === null ? [] : [event([], { usage })]),
    ...(done ? ['data: [DONE]'] : []),
  ]
  return lines.map((l) => `${comments ? `: keep-alive${newline}${newline}` : ''}${l}${newline}${newline}`).join('')
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const begin = (response: ServerResponse, type: string | null): void => {
  response.writeHead(200, type === null ? {} : { 'content-type': type })
  response.flushHeaders()
}
const typeOf = (stream: boolean): string => (stream ? 'text/event-stream' : 'application/json')

/** Answers, in the way asked for, in writes of `size` bytes (default: all in one). */
export const answer =
  (spoken: Spoken, style: Style & { readonly size?: number; readonly type?: string } = {}): Behaviour =>
  async (response, { body }) => {
    const bytes = Buffer.from(body.stream ? streamedReply(spoken, style) : wholeReply(spoken))
    begin(response, style.type ?? typeOf(body.stream))
    const size = style.size ?? bytes.length
    for (let at = 0; at < bytes.length; at += size) {
      response.write(bytes.subarray(at, at + size))
      if (size < bytes.length) await turn()
    }
    response.end()
  }

/** Any status, headers and body. */
export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}, body = '{"error":{"message":"not now"}}'): Behaviour =>
  (response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers })
    response.end(body)
  }

/** A body of status 200. */
export const body =
  (bytes: string | Uint8Array, type: string | null = null): Behaviour =>
  (response, asked) => {
    begin(response, type ?? typeOf(asked.body.stream))
    response.end(bytes)
  }

/** Closes the connection without a word. */
export const reset: Behaviour = (response) => {
  response.socket?.resetAndDestroy()
}

/** Answers up to a share of the bytes; then the connection breaks, or the reply ends as if it were whole, or nothing comes any more. */
export const part =
  (spoken: Spoken, share: number, then: 'break' | 'end' | 'stall', style: Style = {}): Behaviour =>
  async (response, asked) => {
    const bytes = Buffer.from(asked.body.stream ? streamedReply(spoken, style) : wholeReply(spoken))
    begin(response, typeOf(asked.body.stream))
    await new Promise<void>((resolve) => {
      response.write(bytes.subarray(0, Math.floor(bytes.length * share)), () => resolve())
    })
    if (then === 'end') response.end()
    if (then === 'break') response.destroy()
  }

/** A running server. */
export interface Endpoint {
  readonly baseUrl: string
  readonly port: number
  readonly asked: readonly Asked[]
  readonly close: () => Promise<void>
}

/** Serves on localhost; `behave` says what each request gets. */
export const misbehavingEndpoint = (behave: (asked: Asked) => Behaviour, port = 0): Promise<Endpoint> => {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    request.on('end', () => {
      const one: Asked = {
        number: asked.length,
        at: performance.now(),
        path: request.url ?? '',
        headers: request.headers,
        body: JSON.parse(Buffer.concat(chunks).toString()) as Asked['body'],
      }
      asked.push(one)
      void Promise.resolve(behave(one)(response, one)).catch(() => response.destroy())
    })
  })
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const bound = (server.address() as AddressInfo).port
      resolve({
        baseUrl: `http://127.0.0.1:${bound}/v1`,
        port: bound,
        asked,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            server.closeAllConnections()
          }),
      })
    })
  })
}
