/** Which matrices of a model are meant. */

/**
 * Which matrices are meant, by their paths: those that end with one of these words (`q`, `mlp.up`), that match a pattern, or that
 * a function says.
 */
export type Targets = readonly string[] | RegExp | ((path: string) => boolean)

/** @internal Whether a path is one of them. */
export const targeted = (targets: Targets): ((path: string) => boolean) => {
  if (typeof targets === 'function') return targets
  // search begins at the start, whatever the flags
  if (targets instanceof RegExp) return (path) => path.search(targets) >= 0
  return (path) => targets.some((name) => path === name || path.endsWith(`.${name}`))
}
