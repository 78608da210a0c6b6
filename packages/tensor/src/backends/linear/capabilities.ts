/** What a device in linear memory takes: one kernel after another, by one thread or by several that share its units. */
import type { Capabilities } from '../../compile/capabilities.ts'

export const capabilities: Capabilities = {
  orderedStores: true,
  longestRow: Infinity,
  lanes: 1,
  bindings: 64,
  reproducible: true,
  slab: Infinity,
  templates: new Set(),
  skips: true,
}
