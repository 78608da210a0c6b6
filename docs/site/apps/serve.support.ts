/** Test support: static files over HTTP, isolated from other origins or not, and a Chromium that looks at them. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.ttf': 'font/ttf',
}
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

export interface Served {
  readonly url: string
  readonly close: () => Promise<void>
}

/** The files of a folder. */
export const serve = (folder: string, isolated: boolean): Promise<Served> =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost')
      const path = normalize(join(folder, pathname.endsWith('/') ? `${pathname}index.html` : pathname))
      const answer = async (): Promise<void> => {
        const bytes = await readFile(path)
        const type = TYPES[extname(path)] ?? 'application/octet-stream'
        response.writeHead(200, { 'content-type': type, ...(isolated ? ISOLATED : {}) }).end(bytes)
      }
      // The page's own tests hear what is not there.
      answer().catch(() => response.writeHead(404).end())
    })
    server.listen(0, '127.0.0.1', () => {
      // It listens on a port.
      const { port } = server.address() as AddressInfo
      resolve({
        url: `http://127.0.0.1:${port}/`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            server.closeAllConnections()
          }),
      })
    })
  })

export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--enable-unsafe-webgpu'],
  })

/** A page, and what it said and asked of others: nothing, where all is well. */
export interface Watched {
  readonly page: Page
  readonly heard: readonly string[]
}

export const open = async (
  browser: Browser,
  url: string,
  options: { readonly width?: number; readonly dark?: boolean; readonly script?: string } = {},
): Promise<Watched> => {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: 900 },
    colorScheme: options.dark === true ? 'dark' : 'light',
  })
  if (options.script !== undefined) await context.addInitScript(options.script)
  const page = await context.newPage()
  const heard: string[] = []
  const { origin } = new URL(url)
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') heard.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => heard.push(`error: ${error.message}`))
  context.on('request', (request) => {
    const asked = request.url()
    if (!asked.startsWith(`${origin}/`) && !/^(blob|data):/.test(asked)) heard.push(`request: ${asked}`)
  })
  context.on('response', (response) => {
    if (response.status() >= 400) heard.push(`${response.status()}: ${response.url()}`)
  })
  await page.goto(url)
  return { page, heard }
}

/** Kept for whoever wants to look; the folder is ignored by git. */
export const SHOTS = fileURLToPath(new URL('../../../runs/screenshots', import.meta.url))
