/** Where the reader is: what must stay as it is while a run brings more. */

/** Whether some of the text within is selected. */
export const isSelected = (root: Element): boolean => {
  const selection = document.getSelection()
  return selection !== null && !selection.isCollapsed && selection.containsNode(root, true)
}

/** Whether the reader is within: by the focus, by selected text, by what was unfolded or scrolled. */
export const isHeld = (root: Element): boolean =>
  root.contains(document.activeElement) ||
  isSelected(root) ||
  root.querySelector('details[open]') !== null ||
  [...root.querySelectorAll('.text')].some(({ scrollTop }) => scrollTop > 0)
