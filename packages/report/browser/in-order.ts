/** Elements in a place, in an order. */

/** Makes `wanted` the children of `place`, in this order. What stands where it belongs is not moved: that would take the focus from it. */
export const putInOrder = (place: HTMLElement, wanted: readonly HTMLElement[]): void => {
  const kept = new Set<Element>(wanted)
  for (const child of [...place.children]) if (!kept.has(child)) child.remove()
  let next = place.firstElementChild
  for (const element of wanted) {
    if (element === next) next = next.nextElementSibling
    else place.insertBefore(element, next)
  }
}
