/** Which kernels run, in which order, over which memory: a plan of a graph, and one of each loop's body inside it. */
import { getOrInsert } from '../base/get-or-insert.ts'
import type { Expr, Graph, Loop } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
import { bytesOf } from '../base/aval.ts'
import { type Fusion, fuse, startOf, storageOf } from './fuse/fuse.ts'
import { mergeElementwise } from './fuse/elementwise.ts'
import type { Group } from './fuse/group.ts'
import { mergeRows } from './fuse/rows.ts'
import { mergeSiblings } from './fuse/siblings.ts'
import { overwriteLast, ownOperands, pairCarries, pairDonations } from './memory/donate.ts'
import { type MemoryPlan, planMemory, touched } from './memory/memory.ts'
import { inOrder, type Traffic } from './order.ts'
import type { Capabilities } from './capabilities.ts'
import type { Computation } from '../graph/device.ts'
import type { Stage } from './stage.ts'
import { loopOf } from './rounds.ts'
import { verifyGroups, verifying } from '#verify'

export interface Plan {
  readonly graph: Computation
  readonly fusion: Fusion
  /** In the order they run in. */
  readonly groups: readonly Group[]
  readonly memory: MemoryPlan
  /** The rounds of each loop. Their buffers are numbered by themselves: their inputs are buffers of this plan. */
  readonly bodies: ReadonlyMap<Group, Plan>
}

export const plan = (capabilities: Capabilities, stage: Stage, graph: Computation): Plan => {
  const known = new Map<Graph, Map<string, Plan>>()
  const ofBody = ({ body, operands, flagged }: Loop, around: Capabilities): Plan => {
    // Kernels of a loop that its flag ends may have to look at it.
    const bindings = around.bindings - (flagged ? 1 : 0)
    const same = getOrInsert(known, body, () => new Map<string, Plan>())
    const donated = body.inputs.map((_, i) => i >= operands)
    return getOrInsert(same, `${operands} ${bindings}`, () =>
      planOf({ ...around, bindings }, { ...body, donated }, operands),
    )
  }
  /** `operands`: of a body, how many of its inputs are no carries. */
  const planOf = (capabilities: Capabilities, asked: Computation, operands: number | null): Plan => {
    const outputs = ownOperands(asked.outputs)
    const graph: Computation = { ...asked, outputs }
    const results = new Set(outputs.map(storageOf))
    const fused = stage('fuse', () => {
      const order = toposort(outputs).flatMap((node) => node.outs)
      return fuse(capabilities, order, outputs, new Set(graph.inputs.filter((_, i) => graph.donated[i] !== true)))
    })
    const fusion = stage('merge', () => {
      overwriteLast(fused, new Map())
      const merged = mergeSiblings(capabilities, mergeElementwise(capabilities, fused, results), results)
      return mergeRows(capabilities, merged, results)
    })
    const bodies = new Map<Group, Plan>()
    for (const group of fusion.groups) {
      const loop = group.kind === 'rounds' ? loopOf(group.stores[0]!.value.node) : null
      if (loop !== null) bodies.set(group, ofBody(loop, capabilities))
    }
    const scratch = (group: Group): readonly number[] => bodies.get(group)?.memory.slabs ?? []
    const pairs = operands === null ? pairDonations(graph) : pairCarries(graph, operands)
    const groups = stage('order', () => {
      overwriteLast(fusion, pairs)
      return inOrder({ groups: fusion.groups, trafficOf: traffic(fusion, results, scratch), bytesOf })
    })
    if (verifying()) verifyGroups(fusion, groups, outputs)
    const homes = operands === null ? null : graph.inputs.slice(operands)
    const memory = stage('memory', () =>
      planMemory({ largestSlab: capabilities.slab, pairs, homes, scratch }, graph, fusion, groups),
    )
    return { graph, fusion, groups, memory, bodies }
  }
  return planOf(capabilities, graph, null)
}

/** What each group reads and writes in the arena: results have buffers of their own. */
const traffic = (
  { owner }: Fusion,
  results: ReadonlySet<Expr>,
  scratch: (group: Group) => readonly number[],
): ((group: Group) => Traffic) => {
  const known = new Map<Group, Traffic>()
  const of = (group: Group): Traffic => ({
    reads: touched(group, owner).filter((value) => owner.has(value) && !results.has(value)),
    writes: group.stores.flatMap(({ value: e }) => (results.has(e) ? [] : [e])),
    over: [...new Set(group.stores.flatMap(({ value: e }) => (results.has(e) ? [] : (startOf(e) ?? []))))],
    scratch: scratch(group).reduce((sum, bytes) => sum + bytes, 0),
  })
  return (group) => getOrInsert(known, group, of)
}
