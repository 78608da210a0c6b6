/** Where things belong that have left a list and are shown in it all the same. Pure; runs in the page. */

/**
 * `wanted` with those of `former` that are `kept` and not wanted any more: each right behind the one that it stood behind
 * before, the nearest there is; where none is, right before the nearest that it stood before; else at the end.
 */
export const putBack = (
  wanted: readonly string[],
  former: readonly string[],
  kept: ReadonlySet<string>,
): readonly string[] => {
  const all = [...wanted]
  const there = new Set(wanted)
  former.forEach((each, i) => {
    if (!kept.has(each) || there.has(each)) return
    const before = former.slice(0, i).findLast((other) => there.has(other))
    const behind = former.slice(i + 1).find((other) => there.has(other))
    const at = before !== undefined ? all.indexOf(before) + 1 : behind !== undefined ? all.indexOf(behind) : all.length
    all.splice(at, 0, each)
    there.add(each)
  })
  return all
}
