/** A plan -> the steps and buffers of a program: bodies of loops move in, over the buffers of the program around them. */
import { storageOf } from './fuse/fuse.ts'
import type { Group } from './fuse/group.ts'
import { lowerGroup } from './lower.ts'
import type { Range } from './memory/arena.ts'
import type { Copy } from './memory/memory.ts'
import type { Plan } from './plan.ts'
import type { ProgramBuffer, Step } from '../loops/program.ts'
import { loopOf } from './rounds.ts'
import type { Level } from './verify.ts'

export interface Assembled {
  readonly buffers: readonly ProgramBuffer[]
  readonly steps: readonly Step[]
  readonly level: Level
}

export const assemble = (whole: Plan): Assembled => {
  const buffers: ProgramBuffer[] = []
  /** `inputs`: buffers of a body's inputs (null: they are the program's own); `at`: where in the arena a range of its lies. */
  const move = (
    { graph, fusion, groups, memory, bodies }: Plan,
    inputs: readonly number[] | null,
    at: (range: Range) => Range,
  ): { readonly steps: readonly Step[]; readonly level: Level } => {
    const number = memory.buffers.map(({ source, bytes }): number => {
      if (source.kind === 'input' && inputs !== null) return inputs[source.index]!
      const moved: ProgramBuffer['source'] = source.kind === 'slot' ? { kind: 'slot', ...at(source) } : source
      return buffers.push({ source: moved, bytes }) - 1
    })
    const own = new Set(memory.buffers.flatMap(({ source }, i) => (source.kind === 'slot' ? [number[i]!] : [])))
    const bufferOf = new Map([...memory.bufferOf].map(([value, b]) => [value, number[b]!]))
    const copyStep = ({ from, to, bytes }: Copy): Step => ({
      kind: 'copy',
      from: number[from]!,
      to: number[to]!,
      bytes,
    })
    const inside = new Map<Group, Level>()
    const steps: Step[] = []
    for (const group of groups) {
      steps.push(...(memory.before.get(group) ?? []).map(copyStep))
      const { node } = group.stores[0]!.value
      const body = bodies.get(group)
      const loop = loopOf(node)
      if (body === undefined || loop === null) {
        const { kernel, buffers: used } = lowerGroup({ owner: fusion.owner, bufferOf }, group)
        steps.push({ kind: 'kernel', kernel, buffers: used, site: node.site })
        continue
      }
      const carries = node.outs.map((out) => bufferOf.get(out)!)
      const operands = node.args.slice(0, loop.operands).map((x) => bufferOf.get(storageOf(x))!)
      const slabs = memory.scratch.get(group)!.map(at)
      const moved = move(body, [...operands, ...carries], ({ slab, offset }) => ({
        slab: slabs[slab]!.slab,
        offset: slabs[slab]!.offset + offset,
      }))
      inside.set(group, moved.level)
      const flag = loop.flagged ? carries.at(-1)! : null
      steps.push({ kind: 'loop', trips: loop.trips, flag, steps: moved.steps, site: node.site })
    }
    steps.push(...memory.last.map(copyStep))
    return { steps, level: { graph, fusion, groups, bufferOf, bodies: inside, own } }
  }
  const { steps, level } = move(whole, null, (range) => range)
  return { buffers, steps, level }
}
