// Where the documentation shows code: the ```ts fences of the docstrings in packages/*/src, of the READMEs and of the site.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export interface Snippet {
  /** File and line of the first line of code, from the repository's root. */
  readonly site: string
  readonly code: string
  /** What it prints, where a ```text fence follows it. */
  readonly prints: string | null
}

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length

const fence = /^```ts\n([\s\S]*?)^```(?:\n+```text\n([\s\S]*?)^```)?/gm

/** The fences of a Markdown text. A block that is not meant to run is fenced with another language, or none. */
export const snippetsOfMarkdown = (path: string, text: string): readonly Snippet[] =>
  [...text.matchAll(fence)].map((match) => ({
    site: `${path}:${lineOf(text, match.index) + 1}`,
    code: match[1] ?? '',
    prints: match[2] ?? null,
  }))

// Blanks out what is not documentation and the stars of what is, so that every line keeps its number.
const documentationOf = (source: string): string =>
  source
    .split(/(\/\*\*[\s\S]*?\*\/)/)
    .map((part, i) =>
      i % 2 === 0
        ? part.replace(/[^\n]/g, '')
        : part
            .replace(/\*\/$/, '')
            .split('\n')
            .map((line) => line.replace(/^\s*\/?\*+ ?/, ''))
            .join('\n'),
    )
    .join('')

/** The fences of the docstrings of a TypeScript source. */
export const snippetsOfSource = (path: string, source: string): readonly Snippet[] =>
  snippetsOfMarkdown(path, documentationOf(source))

/** Every snippet of the repository, in the order of the file system. */
export const snippets = (root: string): readonly Snippet[] => {
  const files = (folder: string): readonly string[] =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      .sort()
  const packages = readdirSync(join(root, 'packages')).sort()
  const read = (path: string): string => readFileSync(join(root, path), 'utf8')
  const sources = packages
    .flatMap((name) => files(join('packages', name, 'src')))
    .filter((path) => path.endsWith('.ts') && !/\.test(-d)?\.ts$/.test(path))
  const pages = [
    'README.md',
    join('docs', 'README.md'),
    join('docs', 'architecture.md'),
    join('docs', 'curried.md'),
    ...packages.map((name) => join('packages', name, 'README.md')),
    ...files(join('docs', 'site')).filter((path) => path.endsWith('.md') && !/node_modules|\.vitepress/.test(path)),
  ]
  return [
    ...sources.flatMap((path) => snippetsOfSource(path, read(path))),
    ...pages.flatMap((path) => snippetsOfMarkdown(path, read(path))),
  ]
}
