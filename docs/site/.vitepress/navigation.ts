/** What the bar and the sidebar list: the pages of this folder, the lessons that stand in learn/, and what is built beside the pages. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DefaultTheme } from 'vitepress'

/** A page in `learn/`, as its head says: `order: 3` among the front matter, and the first heading. */
interface Lesson {
  readonly order: number
  readonly text: string
  readonly link: string
}

const lessonOf = (folder: string, name: string): Lesson => {
  const source = readFileSync(join(folder, name), 'utf8')
  const [, front = ''] = /^---\n([\s\S]*?)\n---/.exec(source) ?? []
  const order = Number(/^order:\s*(-?[\d.]+)\s*$/m.exec(front)?.[1] ?? Number.POSITIVE_INFINITY)
  const stem = name.replace(/\.md$/, '')
  const text = /^# (.+)$/m.exec(source)?.[1]?.replaceAll(/[`*]/g, '') ?? stem
  return { order, text, link: `/learn/${stem === 'index' ? '' : stem}` }
}

/** The lessons by their order, then by name; none where there is no such folder. */
export const lessons = (pages: string): readonly Lesson[] => {
  const folder = join(pages, 'learn')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => lessonOf(folder, name))
    .sort((a, b) => (a.order === b.order ? 0 : a.order - b.order))
}

/** The programs that run in the reader's browser, where they are part of this checkout. */
const programs = (pages: string): readonly DefaultTheme.NavItemWithLink[] =>
  existsSync(join(pages, 'apps', 'build.mjs'))
    ? [
        { text: 'Train', link: '/train/', target: '_self' },
        { text: 'Playground', link: '/play/', target: '_self' },
      ]
    : []

export const nav = (pages: string): DefaultTheme.NavItem[] => [
  { text: 'Start', link: '/start' },
  { text: 'Learn', link: lessons(pages)[0]?.link ?? '/examples', activeMatch: '^/learn/' },
  { text: 'API', link: '/api/', target: '_self' },
  ...programs(pages),
]

const group = (text: string, items: readonly DefaultTheme.SidebarItem[]): DefaultTheme.SidebarItem[] =>
  items.length === 0 ? [] : [{ text, items: [...items] }]

export const sidebar = (pages: string): DefaultTheme.SidebarItem[] => [
  ...group('Begin', [
    { text: 'Start in five minutes', link: '/start' },
    { text: 'Coming from JAX', link: '/coming/jax' },
    { text: 'Coming from PyTorch', link: '/coming/pytorch' },
    { text: 'Coming from TRL', link: '/coming/trl' },
  ]),
  ...group('In this browser', programs(pages)),
  ...group('Learn', lessons(pages)),
  ...group('Look up', [
    { text: 'API reference', link: '/api/', target: '_self' },
    { text: 'Which functions are curried', link: '/curried' },
    { text: 'Devices and memory', link: '/devices' },
    { text: 'Performance', link: '/performance' },
    { text: 'Examples and their figures', link: '/examples' },
    { text: 'Limits', link: '/limits' },
    { text: 'Glossary', link: '/glossary' },
  ]),
  ...group('How it works', [
    { text: 'The map', link: '/how/' },
    { text: 'The architecture', link: '/how/architecture' },
    { text: 'Add a primitive', link: '/extend/primitive' },
    { text: 'Add a device', link: '/extend/device' },
    { text: 'Add a variant of GRPO', link: '/extend/variant' },
    { text: 'Contributing', link: '/contributing' },
  ]),
]
