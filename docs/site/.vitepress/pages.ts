/** What the pages need of Markdown beside what VitePress does: links of included files, and tables that a keyboard reaches. */
import type { MarkdownRenderer } from 'vitepress'

/** Files of the repository that are pages here, by the links to them; `#heading` goes along unless the table names it. */
const PAGES: readonly (readonly [RegExp, string])[] = [
  [/^(\.\.\/)*(docs\/)?README\.md#adding-a-primitive$/, '/extend/primitive'],
  [/^(\.\.\/)*README\.md#(the-whole-recipe-of-r1|what-npm-start-shows|what-else-the-examples-show)$/, '/examples#$2'],
  [/^(\.\.\/)*README\.md#(devices|memory)$/, '/devices#$2'],
  [/^(\.\.\/)*(docs\/)?README\.md$/, '/how/'],
  [/^(\.\.\/)*(docs\/)?architecture\.md/, '/how/architecture'],
  [/^(\.\.\/)*(docs\/)?curried\.md/, '/curried'],
  [/^(\.\.\/)*(examples\/)README\.md/, '/examples'],
  [/^(\.\.\/)*CONTRIBUTING\.md/, '/contributing'],
  [/^(\.\.\/)*packages\/(tensor|autograd|nn|rl)(\/README\.md)?$/, '/api/modules/_adjoint_$2.html'],
]

/** Leads out of the pages: to another site, to a heading of this page, or to what is built beside them. */
const isPage = (href: string): boolean => /^(\w+:|#|\/)/.test(href)
const leavesPages = (href: string): boolean =>
  /(^|\/)(packages|examples|docs|scripts|bench)\/|^LICENSE$|\.(ts|mjs|json)$/.test(href)

/**
 * Where a link of an included file leads on the site: to the page that the file has become, or nowhere (null), which leaves its
 * words. What is built beside the pages is not the router's: those links load a page.
 */
export const destination = (href: string): string | null => {
  if (isPage(href)) return href
  const known = PAGES.find(([link]) => link.test(href))
  if (known !== undefined) return href.replace(known[0], known[1])
  return leavesPages(href) ? null : href
}

/** `base`: where the site stands on its server, which VitePress puts before the links of its own router, and before no other. */
export const repositoryLinks = (md: MarkdownRenderer, base: string): void => {
  md.core.ruler.push('repository-links', ({ tokens }) => {
    for (const { children } of tokens) {
      let dropped = false
      for (const token of children ?? []) {
        if (token.type === 'link_close' && dropped) {
          token.hidden = true
          token.tag = ''
          token.type = 'text'
          dropped = false
        }
        if (token.type !== 'link_open') continue
        const to = destination(token.attrGet('href') ?? '')
        if (to === null) {
          dropped = true
          token.type = 'text'
          token.attrs = null
        } else {
          const beside = /^\/(api|train|play)\//.test(to)
          token.attrSet('href', beside ? base + to.slice(1) : to)
          if (beside) token.attrSet('target', '_self')
        }
      }
    }
  })
}

/** A table that is wider than the window scrolls by itself; so it can be focused, and the arrow keys move it. */
export const reachableTables = (md: MarkdownRenderer): void => {
  md.renderer.rules['table_open'] = () => '<table tabindex="0">\n'
}
