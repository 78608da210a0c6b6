import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { escapeHtml, html, jsonScript, trusted } from './html.ts'

const unescape = (text: string): string =>
  text
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&gt;', '>')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&')

const nasty = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc
    .array(fc.constantFrom('<', '>', '&', '"', "'", '</script>', '<!--', '&lt;', '&amp;amp;', '\u2028', 'a'))
    .map((x) => x.join('')),
)

describe('HTML', () => {
  test('escaping loses nothing, and leaves no mark of markup', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const escaped = escapeHtml(text)
        expect(unescape(escaped)).toBe(text)
        expect(escaped).not.toMatch(/[<>"']/)
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  test('what is put into a template is escaped, unless it is HTML', () => {
    expect(html`<b title="${'"'}">${'<i>'}${1}${null}${trusted('<u>')}${[html`${'&'}`, html`x`]}</b>`.html).toBe(
      '<b title="&quot;">&lt;i&gt;1<u>&amp;x</b>',
    )
  })

  test('JSON in a page cannot end its element, and reads back as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), nasty, (value, text) => {
        const script = jsonScript('data', { value, text }).html
        const inner = script.slice(script.indexOf('>') + 1, script.lastIndexOf('</script>'))
        expect(inner).not.toContain('<')
        expect(JSON.parse(inner)).toEqual(JSON.parse(JSON.stringify({ value, text })))
      }),
      { seed: 2, numRuns: 300 },
    )
  })
})
