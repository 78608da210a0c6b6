/** The site as its tests see it: built once, served, its files and the links between them. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('..', import.meta.url))

export interface Built {
  readonly folder: string
  /** Where it stands on its server; `/adjoint/`, unless it was built before for another place. */
  readonly base: string
  readonly remove: () => Promise<void>
}

/** What the first page says of where it stands. */
const baseOf = (folder: string): string =>
  /<link rel="icon"[^>]* href="([^"]*\/)mark\.svg"/.exec(readFileSync(join(folder, 'index.html'), 'utf8'))?.[1] ?? '/'

/** `npm run site` into a folder of its own; or what ADJOINT_SITE names, built before, as it is. */
export const buildSite = async (): Promise<Built> => {
  const given = process.env['ADJOINT_SITE'] ?? ''
  if (given !== '') {
    const folder = resolve(root, given)
    return { folder, base: baseOf(folder), remove: () => Promise.resolve() }
  }
  const folder = await mkdtemp(join(tmpdir(), 'adjoint-site-'))
  // Under a base, where an address that forgets it leads nowhere.
  const flags = ['--out', folder, '--base', '/adjoint/']
  await promisify(execFile)(process.execPath, [join(root, 'scripts', 'site.mjs'), ...flags], { cwd: root })
  return { folder, base: baseOf(folder), remove: () => rm(folder, { recursive: true, force: true }) }
}

const filesUnder = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()

/** Markdown pages of the site, from `docs/site`. */
export const sources = (): readonly string[] =>
  filesUnder(join(root, 'docs', 'site')).filter(
    (path) => path.endsWith('.md') && !/(^|\/)(\.vitepress|node_modules|apps)\//.test(path),
  )

/** What a page includes, and whether it is there: a file, or a region of one. */
export const includesOf = (source: string): readonly { readonly asked: string; readonly found: boolean }[] => {
  const from = join(root, 'docs', 'site', source)
  return [...readFileSync(from, 'utf8').matchAll(/<!--\s*@include:\s*([^\s#]+)(?:#([\w-]+))?\s*-->/g)].map(
    ([, file = '', region]) => {
      const path = join(dirname(from), file)
      const text = existsSync(path) ? readFileSync(path, 'utf8') : null
      return {
        asked: `${source}: ${file}${region === undefined ? '' : `#${region}`}`,
        found: text !== null && (region === undefined || text.includes(`<!-- #region ${region} -->`)),
      }
    },
  )
}

/** An HTML file of the built site: its text, the ids in it, and where its links lead. */
export interface HtmlFile {
  readonly path: string
  readonly html: string
  readonly ids: ReadonlySet<string>
  readonly links: readonly string[]
}

const attributes = (html: string, name: string): readonly string[] =>
  [...html.matchAll(new RegExp(`\\s${name}="([^"]*)"`, 'g'))].map(([, value = '']) => value.replaceAll('&amp;', '&'))

export const htmlFiles = (folder: string): readonly HtmlFile[] =>
  filesUnder(folder)
    .filter((path) => path.endsWith('.html'))
    .map((path) => {
      const html = readFileSync(join(folder, path), 'utf8')
      return {
        path,
        html,
        ids: new Set([...attributes(html, 'id'), ...attributes(html, 'name')]),
        links: [...attributes(html, 'href'), ...attributes(html, 'src')],
      }
    })

/** Links that lead to no file of the site below its base, or to a heading that is not on its page; links to other sites are left out. */
export const deadLinks = (folder: string, pages: readonly HtmlFile[], base = '/'): readonly string[] => {
  const files = new Set([...filesUnder(folder), ...pages.map((page) => page.path)])
  const byPath = new Map(pages.map((page) => [page.path, page]))
  return pages.flatMap(({ path, links }) =>
    [...new Set(links)].flatMap((link) => {
      if (/^[a-z]+:/i.test(link) || link.startsWith('//') || link === '' || link === '#') return []
      const [target = '', hash = ''] = link.split('#')
      const [bare = ''] = target.split('?')
      if (bare.startsWith('/') && !bare.startsWith(base)) return [`${path}: ${link}`]
      const at = bare === '' ? path : bare.startsWith('/') ? bare.slice(base.length) : posix.join(dirname(path), bare)
      const found = [at, posix.join(at, 'index.html'), `${at}.html`].find((each) => files.has(each))
      if (found === undefined) return [`${path}: ${link}`]
      const heading = decodeURIComponent(hash)
      const there = byPath.get(found)
      return heading === '' || there === undefined || there.ids.has(heading) ? [] : [`${path}: ${link}`]
    }),
  )
}

/** Cells of tables that hold more than one figure; code is not counted. */
export const crowdedCells = ({ path, html }: HtmlFile): readonly string[] =>
  [...html.matchAll(/<td[^>]*>([\s\S]*?)<\/td>/g)]
    .map(([, cell = '']) => cell.replaceAll(/<code>[\s\S]*?<\/code>/g, '').replaceAll(/<[^>]+>/g, ''))
    .filter((cell) => /^[^a-z]*\d[^a-z]*(\/|, |→|-&gt;|;| to )[^a-z]*\d[^a-z]*$/i.test(cell.trim()))
    .map((cell) => `${path}: ${cell}`)
