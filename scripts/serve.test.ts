// The server of the site: the headers that shared memory needs, the right types, and no file outside of its folder.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serve } from './serve.mjs'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

/** By node:http, since `fetch` tidies a path before it asks. */
const ask = (url: string, path: string, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const asked = request({ hostname, port, path, method }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, body: Buffer.concat(chunks).toString('utf8') })
      })
    })
    asked.on('error', reject)
    asked.end()
  })

describe('serve', () => {
  let parent = ''
  let server: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'serve-'))
    const folder = join(parent, 'site')
    await mkdir(join(folder, 'train'), { recursive: true })
    await mkdir(join(parent, 'site-beside'))
    await writeFile(join(parent, 'secret.txt'), 'secret')
    await writeFile(join(parent, 'site-beside', 'secret.txt'), 'secret')
    await writeFile(join(folder, 'index.html'), 'home')
    await writeFile(join(folder, 'start.html'), 'start')
    await writeFile(join(folder, 'train', 'index.html'), 'train')
    await writeFile(join(folder, 'train', 'a.wasm'), 'wasm')
    for (const name of ['a.md', 'main.ts', 'LICENSE', 'a.unknown']) await writeFile(join(folder, name), 'text')
    server = await serve(folder, 0)
  })
  afterAll(async () => {
    await server.close()
    await rm(parent, { recursive: true, force: true })
  })

  test('every answer isolates its page, a missing file too', async () => {
    for (const path of ['/', '/start.html', '/train/a.wasm', '/none']) {
      const { headers } = await ask(server.url, path)
      expect(headers['cross-origin-opener-policy'], path).toBe('same-origin')
      expect(headers['cross-origin-embedder-policy'], path).toBe('require-corp')
    }
  })

  test('files have their types; folders and pages are found without their ends', async () => {
    expect((await ask(server.url, '/train/a.wasm')).headers['content-type']).toBe('application/wasm')
    // Read in place, and not saved.
    for (const name of ['a.md', 'main.ts', 'LICENSE'])
      expect((await ask(server.url, `/${name}`)).headers['content-type'], name).toBe('text/plain; charset=utf-8')
    expect((await ask(server.url, '/a.unknown')).headers['content-type']).toBe('application/octet-stream')
    expect((await ask(server.url, '/')).body).toBe('home')
    expect((await ask(server.url, '/start?a=1')).body).toBe('start')
    expect((await ask(server.url, '/train/')).body).toBe('train')
    const moved = await ask(server.url, '/train')
    expect([moved.status, moved.headers['location']]).toEqual([301, '/train/'])
    expect((await ask(server.url, '//train')).headers['location']).toBe('/train/')
  })

  test.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/../site-beside/secret.txt',
    '/%00',
    '/%zz',
    '//secret.txt',
  ])('nothing outside of the folder is served: %s', async (path) => {
    const { status, body } = await ask(server.url, path)
    expect(status).toBe(404)
    expect(body).not.toContain('secret')
  })

  test('it reads only', async () => {
    expect((await ask(server.url, '/', 'POST')).status).toBe(405)
    expect(await ask(server.url, '/', 'HEAD')).toMatchObject({ status: 200, body: '' })
  })

  test('under a base, what lies outside of it is not there, and the root leads to it', async () => {
    const based = await serve(join(parent, 'site'), 0, '/adjoint/')
    expect(based.url).toMatch(/\/adjoint\/$/)
    expect(await ask(based.url, '/adjoint/')).toMatchObject({ status: 200, body: 'home' })
    expect(await ask(based.url, '/adjoint/train/a.wasm')).toMatchObject({ status: 200, body: 'wasm' })
    expect((await ask(based.url, '/start.html')).status).toBe(404)
    expect((await ask(based.url, '/adjoint/../secret.txt')).status).toBe(404)
    expect(await ask(based.url, '/')).toMatchObject({ status: 302, headers: { location: '/adjoint/' } })
    await based.close()
  })
})
