/**
 * Names of a tree's leaves in a file: keys and indices joined by dots, `blocks.0.norm`, as other tools write them. A dot or a
 * backslash within a key is written with a backslash before it, so that no two leaves of a tree share a name: {'a.b': x}
 * has the name `a\.b`, and {a: {b: x}} the name `a.b`. So is the first character of a name that is the format's own,
 * `__metadata__`. A list and a record whose keys are numbers have the same names: the template that is loaded into decides.
 */
import { isTensor, type Tree } from '@adjoint/tensor'

const escaped = (key: string | number): string => String(key).replace(/[\\.]/g, '\\$&')

/** The path of each leaf, in the order of `tree.leaves`. */
const pathsOf = (
  value: Tree | undefined,
  path: readonly (string | number)[],
): readonly (readonly (string | number)[])[] => {
  if (value === null || value === undefined) return []
  if (isTensor(value)) return [path]
  if (Array.isArray(value)) return (value as readonly Tree[]).flatMap((item, i) => pathsOf(item, [...path, i]))
  const record = value as { readonly [key: string]: Tree }
  return Object.keys(record)
    .sort()
    .flatMap((key) => pathsOf(record[key], [...path, key]))
}

/** The name of each leaf, in the order of `tree.leaves`; no two are equal. */
export const leafNames = (tree: Tree): readonly string[] =>
  pathsOf(tree, []).map((path) => {
    const name = path.map(escaped).join('.')
    return name === '__metadata__' ? `\\${name}` : name
  })
