/** A report as one HTML text that needs nothing else: no script, no font, no file. */
import { escapeHtml } from './html.ts'

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
        .map((svg) => `<figure>${svg}</figure>`)
        .join('\n')}\n</div>`
    case 'table':
      return `<h2>${escapeHtml(section.title)}</h2>\n<table>\n<thead>${cells('th', section.head)}</thead>\n<tbody>${section.rows
        .map((row) => cells('td', row))
        .join('\n')}</tbody>\n</table>`
  }
}

const STYLE = `
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2329; background: #fff; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 1rem; }
figure { margin: 0; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; } th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #e4e6ea; text-align: left; }
td { font-variant-numeric: tabular-nums; }
`

/** The page as HTML. */
export const pageHtml = ({ title, sections }: Page): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${sections.map(sectionHtml).join('\n')}
</body>
</html>
`
