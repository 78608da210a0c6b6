/** What a device can do, and what it prefers: the scheduler's only knowledge of it. */
export interface Capabilities {
  /** Stores that increase an element in grid order (needs a device that runs a kernel's grid in order). */
  readonly orderedStores: boolean
  /** Longest row, in columns, that a row kernel keeps to one lane group; longer reductions are split in two stages. */
  readonly longestRow: number
  /**
   * Products of which it has whole rows at hand, so that what reduces them is a part of the product: of so many columns at least and at
   * most, of so many rows in all at least, and of so many terms of a sum at most. Null for none.
   */
  readonly dotRows: {
    readonly columns: readonly [least: number, most: number]
    readonly rows: number
    readonly terms: number
  } | null
  /**
   * Products of fewer results than this leave lanes idle: their sums are cut along k, into parts of so many terms at least, which a second
   * kernel adds. Null where a product keeps the device busy whatever its shape, or where its sums are cut in its kernel.
   */
  readonly dotParts: { readonly results: number; readonly terms: number } | null
  /** Independent lanes worth keeping busy: reductions with fewer rows than this are split in two stages, */
  readonly lanes: number
  /** where they have more terms than this, which repay the second. */
  readonly terms: number
  /** Most buffers one kernel may bind. */
  readonly bindings: number
  /**
   * Whether an expression computed in two kernels, or at two places of one, has the same bits: not where a driver's compiler
   * may contract a product and a sum as it sees fit.
   */
  readonly reproducible: boolean
  /** Most bytes of one slab of the arena. */
  readonly slab: number
  /** Names of the templates that it has a kernel for. */
  readonly templates: ReadonlySet<string>
  /** Whether it can decide to run a part of a program or not, for less than it costs to run it. */
  readonly skips: boolean
}
