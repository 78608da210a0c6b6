/**
 * What is wrong with a page for who cannot see it, or has no pointer: by axe, by what the browser tells a screen reader, and by walking
 * through the page with the Tab key.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Rules of axe. */
export const EVERY_RULE = "{ type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }"
export const CONTRAST = "{ type: 'rule', values: ['color-contrast'] }"

interface Finding {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** What axe finds wrong with a page: one line for each element. */
export const findings = async (page: Page, within = 'html', rules = EVERY_RULE): Promise<readonly string[]> => {
  // Evaluated: a page's own policy may let no other script in.
  await page.evaluate(AXE)
  const violations = await page.evaluate<readonly Finding[]>(
    `axe.run('${within}', { runOnly: ${rules} }).then(({ violations }) => violations)`,
  )
  const told = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${failureSummary.slice(0, 250)} ${html.slice(0, 160)}`),
  )
  // Of a kind a few are enough to find all.
  return told.slice(0, 6)
}

/** A control, a chart or a part of a page, as a screen reader is told of it. */
export interface Spoken {
  readonly role: string
  readonly name: string
}

/** Roles of what is used, looked at or gone to: each needs a name. */
const NAMED: ReadonlySet<string> = new Set([
  ...['button', 'link', 'textbox', 'searchbox', 'combobox', 'listbox', 'checkbox', 'radio', 'slider', 'spinbutton'],
  ...['progressbar', 'DisclosureTriangle', 'figure', 'image', 'img', 'dialog', 'form', 'region', 'navigation', 'table'],
])

interface Told {
  readonly ignored: boolean
  readonly role?: { readonly value?: string }
  readonly name?: { readonly value?: string }
  readonly properties?: readonly { readonly name: string; readonly value: { readonly value?: unknown } }[]
}

/** All that the browser tells a screen reader of what is used, looked at or gone to: by role, or because it takes the focus. */
export const spokenOf = async (page: Page): Promise<readonly Spoken[]> => {
  const session = await page.context().newCDPSession(page)
  const { nodes } = (await session.send('Accessibility.getFullAXTree')) as { readonly nodes: readonly Told[] }
  await session.detach()
  return nodes.flatMap(({ ignored, role, name, properties = [] }) => {
    const is = role?.value ?? ''
    const takesFocus = properties.some((each) => each.name === 'focusable' && each.value.value === true)
    if (ignored || is === 'RootWebArea' || !(NAMED.has(is) || takesFocus)) return []
    return [{ role: is, name: (name?.value ?? '').trim() }]
  })
}

/** What speaks by itself when it changes: a selector of each such element. */
export const loudIn = (page: Page): Promise<readonly string[]> =>
  page.evaluate<readonly string[]>(`(() => {
    const loud = '[role=status], [role=alert], [role=log], output, [aria-live]'
    return [...document.querySelectorAll(loud)]
      .filter((e) => e.getAttribute('aria-live') !== 'off')
      .map((e) => e.id || e.dataset.client || e.outerHTML.slice(0, 80))
  })()`)

/** Where the focus is: what it is called, and whether that is seen. */
export interface Stop {
  readonly name: string
  readonly seen: boolean
}

/** The element that has the focus. */
export const stopOf = (page: Page): Promise<Stop> =>
  page.evaluate<Stop>(`(() => {
    const e = document.activeElement
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(e)
    const name = e.getAttribute('aria-label') || e.labels?.[0]?.firstChild?.textContent || e.textContent || e.tagName
    const seen = (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none'
    return { name: name.trim().slice(0, 60), seen }
  })()`)

/** All stops of the Tab key from the top of a page to its end. */
export const stopsOf = async (page: Page, most = 200): Promise<readonly Stop[]> => {
  const stops: Stop[] = []
  await page.evaluate('document.activeElement?.blur()')
  for (let i = 0; i < most; i++) {
    await page.keyboard.press('Tab')
    if (await page.evaluate<boolean>('document.activeElement === document.body')) break
    stops.push(await stopOf(page))
  }
  return stops
}
