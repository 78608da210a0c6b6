/** Elements in a place, in an order. */

/**
 * Makes `wanted` the children of `place`, in this order. What stands where it belongs is not moved, nor is what has the focus within,
 * whichever place it comes to: that would take the focus from it.
 */
export const putInOrder = (place: HTMLElement, wanted: readonly HTMLElement[]): void => {
  const kept = new Set<Element>(wanted)
  for (const child of [...place.children]) if (!kept.has(child)) child.remove()
  const held = wanted.findIndex((each) => each.parentNode === place && each.contains(document.activeElement))
  let next: Element | null = wanted[held] ?? null
  for (const each of wanted.slice(0, Math.max(0, held)).toReversed()) {
    if (next?.previousElementSibling !== each) place.insertBefore(each, next)
    next = each
  }
  next = wanted[held]?.nextElementSibling ?? (held < 0 ? place.firstElementChild : null)
  for (const each of wanted.slice(held + 1)) {
    if (each === next) next = next.nextElementSibling
    else place.insertBefore(each, next)
  }
}
