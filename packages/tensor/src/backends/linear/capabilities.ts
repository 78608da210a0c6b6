/** What a device in linear memory takes: one kernel after another, by one thread or by several that share its units. */
import type { Capabilities } from '../../compile/capabilities.ts'

export const capabilities: Capabilities = {
  orderedStores: true,
  longestRow: Infinity,
  // Fewer columns are a few vectors, which lanes along the rows go over faster; 256 steps of k of the most take three quarters of a
  // second-level cache. A unit has 32 rows: fewer in all would leave threads idle, and beyond so many terms nothing is saved beside the product.
  dotRows: { columns: [32, 768], rows: 512, terms: 768 },
  dotParts: null,
  // Whatever threads there are, so that their number changes no bit; a sum so long takes longer than it takes to wake them.
  lanes: 64,
  terms: 1 << 18,
  bindings: 64,
  reproducible: true,
  slab: Infinity,
  templates: new Set(),
  skips: true,
}
