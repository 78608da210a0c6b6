/** A graph -> a program: normalize, simplify, fuse, merge, order, plan memory, lower. Pure; a backend compiles the result. */
import { toposort } from '../expr.ts'
import { simplify } from '../simplify.ts'
import { overwriteLast, pairDonations } from './donate.ts'
import { fuse } from './fuse.ts'
import { lowerGroup } from './lower.ts'
import { planMemory } from './memory.ts'
import { normalize } from './normalize.ts'
import { inOrder } from './order.ts'
import type { Capabilities, Graph, Program, Step } from './program.ts'
import { mergeSiblings } from './siblings.ts'

export const schedule =
  (capabilities: Capabilities) =>
  (asked: Graph): Program => {
    const outputs = simplify(normalize(capabilities, simplify(asked.outputs)))
    const graph: Graph = { ...asked, outputs }
    const fusion = mergeSiblings(capabilities, fuse(capabilities, toposort(outputs), outputs))
    const pairs = pairDonations(graph)
    overwriteLast(fusion, pairs)
    const groups = inOrder(fusion.groups)
    const plan = planMemory(graph, fusion, groups, pairs)
    const steps: Step[] = []
    for (const group of groups) {
      const copy = plan.before.get(group)
      if (copy !== undefined) steps.push({ kind: 'copy', ...copy })
      const { kernel, buffers } = lowerGroup({ owner: fusion.owner, bufferOf: plan.bufferOf }, group)
      const root = group.stores[0]!.node
      steps.push({ kind: 'kernel', kernel, buffers, site: root.site })
    }
    for (const copy of plan.last) steps.push({ kind: 'copy', ...copy })
    return {
      inputs: graph.inputs.map(({ shape, dtype }) => ({ shape, dtype })),
      donated: graph.donated,
      buffers: plan.buffers,
      steps,
      outputs: plan.outputs.map((buffer, i) => ({
        buffer,
        aval: { shape: asked.outputs[i]!.shape, dtype: asked.outputs[i]!.dtype },
      })),
    }
  }
