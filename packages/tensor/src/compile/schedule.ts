/** A graph -> a program: normalize, simplify, fuse, merge, order, plan memory, lower. Pure; a backend compiles the result. */
import type { Expr } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
import { simplify } from '../graph/simplify.ts'
import { overwriteLast, ownOperands, pairDonations } from './memory/donate.ts'
import { type Fusion, fuse, storageOf } from './fuse/fuse.ts'
import type { Group } from './fuse/group.ts'
import { lowerGroup } from './lower.ts'
import { bytesOf, planMemory, touched } from './memory/memory.ts'
import { normalize } from './normalize.ts'
import { inOrder, type Traffic } from './order.ts'
import type { Capabilities, Computation, Program, Step } from './program.ts'
import { mergeSiblings } from './fuse/siblings.ts'
import { verifyExprs, verifyGroups, verifyProgram, verifying } from './verify.ts'

export const schedule =
  (capabilities: Capabilities) =>
  (asked: Computation): Program => {
    const verify = verifying()
    const simple = simplify(asked.outputs)
    if (verify) verifyExprs('simplify', asked.outputs, simple)
    const normal = normalize(capabilities, simple)
    if (verify) verifyExprs('normalize', simple, normal)
    const outputs = ownOperands(simplify(normal))
    if (verify) verifyExprs('simplify', normal, outputs)
    const graph: Computation = { ...asked, outputs }

    const results = new Set(outputs.map(storageOf))
    const fusion = mergeSiblings(
      capabilities,
      fuse(
        capabilities,
        toposort(outputs).flatMap((node) => node.outs),
        outputs,
      ),
      results,
    )
    const pairs = pairDonations(graph)
    overwriteLast(fusion, pairs)
    const groups = inOrder({ groups: fusion.groups, trafficOf: traffic(fusion, results), bytesOf })
    if (verify) verifyGroups(fusion, groups, outputs)

    const plan = planMemory(capabilities.slab, graph, fusion, groups, pairs)
    const steps: Step[] = []
    for (const group of groups) {
      const copy = plan.before.get(group)
      if (copy !== undefined) steps.push({ kind: 'copy', ...copy })
      const { kernel, buffers } = lowerGroup({ owner: fusion.owner, bufferOf: plan.bufferOf }, group)
      const root = group.stores[0]!.value
      steps.push({ kind: 'kernel', kernel, buffers, site: root.node.site })
    }
    for (const copy of plan.last) steps.push({ kind: 'copy', ...copy })
    const program: Program = {
      inputs: graph.inputs.map(({ shape, dtype }) => ({ shape, dtype })),
      donated: graph.donated,
      buffers: plan.buffers,
      slabs: plan.slabs,
      live: plan.live,
      steps,
      outputs: plan.outputs.map((buffer, i) => ({
        buffer,
        aval: { shape: asked.outputs[i]!.shape, dtype: asked.outputs[i]!.dtype },
      })),
    }
    if (verify) verifyProgram({ graph, fusion, groups, bufferOf: plan.bufferOf }, program)
    return program
  }

/** What each group reads and writes in the arena: results have buffers of their own. */
const traffic = ({ owner }: Fusion, results: ReadonlySet<Expr>): ((group: Group) => Traffic) => {
  const known = new Map<Group, Traffic>()
  return (group) => {
    const seen = known.get(group)
    if (seen !== undefined) return seen
    const made: Traffic = {
      reads: touched(group, owner).filter((value) => owner.has(value) && !results.has(value)),
      writes: group.stores.flatMap(({ value: e }) => (results.has(e) ? [] : [e])),
      inPlace: group.kind === 'update',
    }
    known.set(group, made)
    return made
  }
}
