/** What tests take a device to be able to do: one that runs a program on one core, and one that runs it on many lanes. */
import type { Capabilities } from './capabilities.ts'

export const host: Capabilities = {
  orderedStores: true,
  longestRow: 1 << 20,
  dotRows: { columns: [8, 1 << 10], rows: 1, terms: 1 << 10 },
  dotParts: null,
  lanes: 1,
  terms: 1024,
  bindings: 64,
  reproducible: true,
  slab: Infinity,
  templates: new Set(),
  skips: true,
}

export const parallel: Capabilities = {
  orderedStores: false,
  longestRow: 4096,
  dotRows: null,
  dotParts: null,
  lanes: 4096,
  terms: 1024,
  bindings: 16,
  reproducible: false,
  slab: 1 << 27,
  templates: new Set(),
  skips: false,
}

/** Devices of several kinds, for what must hold whatever the schedule. */
export const kinds: Readonly<Record<string, Capabilities>> = {
  'a CPU': host,
  'a GPU': parallel,
  'a GPU with narrow rows, few lanes, few bindings and small slabs': {
    ...parallel,
    longestRow: 3,
    dotParts: { results: 9, terms: 2 },
    lanes: 4,
    bindings: 6,
    slab: 512,
  },
}
