/** What a device in linear memory takes: one kernel after another, by one thread or by several that share its units. */
import type { Capabilities } from '../../compile/capabilities.ts'

export const capabilities: Capabilities = {
  orderedStores: true,
  longestRow: Infinity,
  // 256 steps of k of so many columns take three quarters of a second-level cache; so many rows are work for many threads.
  dotRows: { columns: 768, rows: 256 },
  // Whatever threads there are, so that their number changes no bit; a sum so long takes longer than it takes to wake them.
  lanes: 64,
  terms: 1 << 18,
  bindings: 64,
  reproducible: true,
  slab: Infinity,
  templates: new Set(),
  skips: true,
}
