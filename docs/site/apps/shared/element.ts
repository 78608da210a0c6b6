/**
 * Elements out of values. Text becomes text nodes: nothing that a program prints, or a model writes, is parsed as markup. The viewer of
 * packages/report has a copy of `element`: its page is a part of a published package, which exports nothing of a browser's.
 */

type Child = Node | string | null

/** An element with attributes (null: absent) and children. */
export const element = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | null>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] => {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value)
  made.append(...children.filter((child) => child !== null))
  return made
}

/** The element of this id, of this kind, which the page is made with. */
export const byId = <T extends HTMLElement>(id: string, kind: abstract new () => T): T => {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new Error(`the page has no ${kind.name} #${id}`)
}
