/** Elements become those of new data, in place: each that is still there is kept, and with it what the reader is at. */
import { Idiomorph } from 'idiomorph'

/** What the script has made or the reader has set, which the server's page knows nothing of. */
const isTheReaders = (node: Node): boolean => node instanceof Element && node.hasAttribute('data-client')

/** Whether an attribute is the reader's: folded or unfolded, ticked or not; and what has the focus can go on having it. */
const isKept = (name: string, node: Element, kind: 'update' | 'remove'): boolean =>
  (name === 'tabindex' && kind === 'remove' && node === document.activeElement) ||
  (name === 'open' && node.tagName === 'DETAILS') ||
  (name === 'checked' && node.tagName === 'INPUT')

/** Makes `old` like `fresh`, with as few changes as there are differences. */
export const renew = (old: Element, fresh: Element): void => {
  // Only of a page's head it would have to be waited for.
  void Idiomorph.morph(old, fresh, {
    restoreFocus: true,
    callbacks: {
      beforeNodeMorphed: (node: Node) => !isTheReaders(node),
      beforeAttributeUpdated: (name: string, node: Element, kind: 'update' | 'remove') => !isKept(name, node, kind),
    },
  })
}
