/** Bind groups: which memory the bindings of a pipeline name. Kept by what they name, as long as that exists. */
import type { Block } from './memory.ts'
import type { Pipeline } from './pipelines.ts'
import { weigh } from './weight.ts'

/** A part of a buffer. */
export interface Range {
  readonly block: Block
  readonly offset: number
  readonly bytes: number
}
export const whole = (block: Block): Range => ({ block, offset: 0, bytes: block.bytes })

export interface BindGroups {
  readonly of: (pipeline: Pipeline, ranges: readonly Range[]) => GPUBindGroup
  /** Drops those that name a block, which is being destroyed. */
  readonly forget: (block: Block) => void
  readonly made: () => number
  readonly kept: () => number
  readonly clear: () => void
}

/** Most that are kept; a driver holds a few tens of thousands before it fails. */
const MOST = 8192
/** What one holds in Dawn and the driver: measured as resident memory over 8000 of them (lavapipe), of 1 to 8 bindings. */
const GROUP_BYTES = 6656

interface Entry {
  readonly group: GPUBindGroup
  readonly blocks: readonly number[]
}

export const bindGroups = (gpu: GPUDevice): BindGroups => {
  /** The youngest at the end. */
  const groups = new Map<string, Entry>()
  /** Keys of the groups that name a block, by its number. */
  const naming = new Map<number, Set<string>>()
  let made = 0

  const drop = (key: string): void => {
    const entry = groups.get(key)
    if (entry === undefined) return
    groups.delete(key)
    for (const id of entry.blocks) {
      const keys = naming.get(id)
      keys?.delete(key)
      if (keys?.size === 0) naming.delete(id)
    }
  }
  return {
    of: (pipeline, ranges) => {
      const key = `${pipeline.access}:${ranges.map((r) => `${r.block.id}@${r.offset}+${r.bytes}`).join(',')}`
      const known = groups.get(key)
      if (known !== undefined) {
        groups.delete(key)
        groups.set(key, known)
        return known.group
      }
      const group = gpu.createBindGroup({
        label: key,
        layout: pipeline.layout,
        entries: ranges.map(({ block, offset, bytes }, binding) => ({
          binding,
          resource: { buffer: block.buffer, offset, size: bytes },
        })),
      })
      made++
      const blocks = [...new Set(ranges.map((r) => r.block.id))]
      groups.set(key, { group: weigh(group, GROUP_BYTES), blocks })
      for (const id of blocks) {
        const keys = naming.get(id)
        if (keys === undefined) naming.set(id, new Set([key]))
        else keys.add(key)
      }
      if (groups.size > MOST) drop(groups.keys().next().value ?? '')
      return group
    },
    forget: (block) => {
      const keys = naming.get(block.id)
      if (keys !== undefined) [...keys].forEach(drop)
    },
    made: () => made,
    kept: () => groups.size,
    clear: () => {
      groups.clear()
      naming.clear()
    },
  }
}
