/** Elements out of values. Text becomes text nodes: nothing of a log, of a program or of a model is ever parsed as markup here. */

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

/** Gives a place a text. The same again is not written: what is selected in it stays so, and nothing is said twice. */
export const write = (place: Element, text: string): void => {
  if (place.textContent !== text) place.textContent = text
}
