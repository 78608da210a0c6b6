/** What is wrong with a page for who cannot see it, or has no pointer: by axe, and by walking through it with the Tab key. */
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Rules of axe. */
export const EVERY_RULE = "{ type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }"
export const CONTRAST = "{ type: 'rule', values: ['color-contrast'] }"

interface Finding {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** What axe finds wrong with a page: one line for each element. */
export const findings = async (page: Page, within = 'html', rules = EVERY_RULE): Promise<readonly string[]> => {
  await page.addScriptTag({ path: AXE })
  const violations = await page.evaluate<readonly Finding[]>(
    `axe.run('${within}', { runOnly: ${rules} }).then(({ violations }) => violations)`,
  )
  const told = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${failureSummary.slice(0, 250)} ${html.slice(0, 160)}`),
  )
  // Of a kind a few are enough to find all.
  return told.slice(0, 6)
}

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
