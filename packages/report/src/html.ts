/** HTML as values: what is put into a template is escaped unless it is HTML already, so that nothing of a log is markup. */

/** Text that is HTML. Made by {@link html} and {@link trusted} only. */
export interface Html {
  readonly html: string
}

/** Text as it stands in HTML, in an element or in a quoted attribute. */
export const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')

/** Text that this program made and that is HTML: a drawing, a style sheet. Never what came out of a log. */
export const trusted = (text: string): Html => ({ html: text })

type Content = string | number | Html | readonly Html[] | null

const contentOf = (value: Content): string => {
  if (value === null) return ''
  if (typeof value === 'string') return escapeHtml(value)
  if (typeof value === 'number') return String(value)
  return 'html' in value ? value.html : value.map((each) => each.html).join('')
}

/** HTML of a template: text and numbers are escaped, HTML and lists of it stand as they are, null is nothing. */
export const html = (parts: TemplateStringsArray, ...values: readonly Content[]): Html => ({
  html: parts.reduce((sum, part, i) => sum + contentOf(values[i - 1]!) + part),
})

/** A value as the text of a `<script type="application/json">`: it cannot end that element, whatever it holds. */
export const jsonScript = (id: string, value: unknown): Html =>
  trusted(
    `<script type="application/json" id="${escapeHtml(id)}">${JSON.stringify(value).replaceAll('<', '\\u003c')}</script>`,
  )
