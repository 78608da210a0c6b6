/** The search of countdown: two values on the table are joined to one, again and again. */

/**
 * The first thing that `found` sees in what is on the table, depth first over the pairs of tiles and the ways of joining them; null
 * where there is none. Of n tiles it looks at some n! (n - 1)! / 2^(n - 1) orders, times the ways of joining for each pair.
 */
export const searchPairs =
  <Tile, A>(joins: (a: Tile, b: Tile) => readonly Tile[], found: (tiles: readonly Tile[]) => A | null) =>
  (tiles: readonly Tile[]): A | null => {
    const here = found(tiles)
    if (here !== null) return here
    for (let i = 0; i < tiles.length; i++)
      for (let j = i + 1; j < tiles.length; j++) {
        const others = tiles.filter((_, k) => k !== i && k !== j)
        for (const joined of joins(tiles[i]!, tiles[j]!)) {
          const below = searchPairs(joins, found)([...others, joined])
          if (below !== null) return below
        }
      }
    return null
  }
