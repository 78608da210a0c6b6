// Serves a folder of static files on 127.0.0.1, cross-origin isolated: a page may share memory among threads. It stands under a base,
// as on a server that has other sites too: what lies outside of it is not found, but for the root, which leads there.
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, extname, join, normalize, sep } from 'node:path'

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
  '.ttf': 'font/ttf',
}

/** Files that are read as they stand. Without a type a click on them would save them: licences have no end to their names. */
const TEXT = 'text/plain; charset=utf-8'
const TEXTS = new Set(['.txt', '.md', '.ts', '.tsx', '.mts', '.jsonl', '.yml', '.yaml', '.toml', '.sh', '.diff'])
const typeOf = (file) =>
  TYPES[extname(file)] ??
  (TEXTS.has(extname(file)) || /^(LICEN[CS]E|NOTICE|README)$/.test(basename(file)) ? TEXT : 'application/octet-stream')

const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache',
}

const isFile = (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true
const isFolder = (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The path that a request asks for, below the folder; null where it is none, or leads out of it. */
const asked = (folder, pathname) => {
  try {
    const path = normalize(join(folder, decodeURIComponent(pathname)))
    return path.includes('\0') || !(path + sep).startsWith(join(folder, sep)) ? null : path
  } catch {
    return null
  }
}

/**
 * A running server: where it is, and what ends it. Port 0 is whichever is free.
 *
 * @param {string} folder
 * @param {number} port
 * @param {string} [base] begins and ends with a slash
 * @returns {Promise<{ readonly url: string, readonly close: () => Promise<void> }>}
 */
export const serve = (folder, port, base = '/') => {
  const server = createServer((request, response) => {
    // One slash in front: two would name a host.
    const pathname = (request.url ?? '/').split(/[?#]/)[0].replace(/^\/*/, '/')
    const path = pathname.startsWith(base) ? asked(folder, pathname.slice(base.length - 1)) : null
    const send = (status, file) => {
      response.writeHead(status, { ...HEADERS, 'Content-Type': typeOf(file) })
      if (request.method === 'HEAD') response.end()
      else
        createReadStream(file)
          .on('error', () => response.destroy())
          .pipe(response)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405, { Allow: 'GET, HEAD' }).end()
    else if (pathname === '/' && base !== '/') response.writeHead(302, { ...HEADERS, Location: base }).end()
    else if (path !== null && isFolder(path) && !pathname.endsWith('/'))
      response.writeHead(301, { ...HEADERS, Location: `${pathname}/` }).end()
    else {
      const found = [path, path && join(path, 'index.html'), path && `${path}.html`].find(
        (each) => each && isFile(each),
      )
      const missing = join(folder, '404.html')
      if (found) send(200, found)
      else if (isFile(missing)) send(404, missing)
      else response.writeHead(404, HEADERS).end('not found')
    }
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      resolve({
        url: `http://127.0.0.1:${server.address().port}${base}`,
        close: () =>
          new Promise((done) => {
            server.closeAllConnections()
            server.close(done)
          }),
      })
    })
  })
}
