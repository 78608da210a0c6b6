/** A report as one HTML text that needs nothing else: no script, no font, no file. */
import { escapeHtml } from './html.ts'
import { styleOf } from './style.ts'

/** Part of a report. */
export type Section =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'charts'; readonly title: string; readonly svgs: readonly string[] }
  | {
      readonly kind: 'table'
      readonly title: string
      readonly head: readonly string[]
      readonly rows: readonly (readonly string[])[]
    }

/** What goes on the page. */
export interface Page {
  readonly title: string
  readonly sections: readonly Section[]
}

const cells = (tag: 'th' | 'td', row: readonly string[]): string =>
  `<tr>${row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`

const sectionHtml = (section: Section): string => {
  switch (section.kind) {
    case 'text':
      return `<p>${escapeHtml(section.text)}</p>`
    case 'charts':
      return `<h2>${escapeHtml(section.title)}</h2>\n<div class="charts">\n${section.svgs
        .map((svg) => `<figure class="plain">${svg}</figure>`)
        .join('\n')}\n</div>`
    case 'table':
      return `<h2>${escapeHtml(section.title)}</h2>\n<div class="wide" tabindex="0" role="region" aria-label="${escapeHtml(section.title)}"><table>\n<thead>${cells('th', section.head)}</thead>\n<tbody>${section.rows
        .map((row) => cells('td', row))
        .join('\n')}</tbody>\n</table></div>`
  }
}

/** The page as HTML. */
export const pageHtml = ({ title, sections }: Page): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${styleOf()}</style>
</head>
<body>
<header><h1>${escapeHtml(title)}</h1></header>
<main>
${sections.map(sectionHtml).join('\n')}
</main>
</body>
</html>
`
