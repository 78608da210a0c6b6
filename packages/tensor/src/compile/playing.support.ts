/** Programs run in doubles, with the arena laid out as planned: what a schedule means, whatever the device. For tests. */
import { evaluate } from '../graph/evaluate.ts'
import { schedule } from './schedule.ts'
import type { Capabilities } from './capabilities.ts'
import { interpret } from '../loops/interpret.ts'
import type { Expr } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
import { sizeOf } from '../base/shape.ts'
import type { Program, Step } from '../loops/program.ts'

/** Bytes of an element, as programs count them. */
const ELEMENT = 4

/** Whether a loop goes on. Memory that nothing was written to says neither: a loop would never end. */
const isSet = ([flag]: Float64Array): boolean => {
  if (flag !== 0 && flag !== 1) throw new Error(`a flag holds ${flag}, which is no bool`)
  return flag === 1
}

/**
 * The results of a program; throws where it changed an input that was not donated. `disturb` is called before and after each
 * kernel, with the arena.
 */
export const playProgram = (
  program: Program,
  inputs: readonly Float64Array[],
  disturb: (kernel: Step, slabs: readonly Float64Array[]) => void = () => undefined,
): readonly Float64Array[] => {
  const slabs = program.slabs.map((bytes) => new Float64Array(bytes / ELEMENT).fill(NaN))
  const memory = program.buffers.map(({ source, bytes }): Float64Array => {
    switch (source.kind) {
      case 'input':
        return inputs[source.index]!.slice()
      case 'slot':
        return slabs[source.slab]!.subarray(source.offset / ELEMENT, (source.offset + bytes) / ELEMENT)
      case 'output':
        return new Float64Array(bytes / ELEMENT).fill(NaN)
    }
  })
  const play = (steps: readonly Step[]): void => {
    for (const step of steps)
      switch (step.kind) {
        case 'copy':
          memory[step.to]!.set(memory[step.from]!.subarray(0, step.bytes / ELEMENT))
          break
        case 'kernel':
          disturb(step, slabs)
          interpret(
            step.kernel,
            step.buffers.map((b) => memory[b]!),
          )
          disturb(step, slabs)
          break
        case 'loop': {
          const { trips, flag } = step
          for (let round = 0; round < trips && (flag === null || isSet(memory[flag]!)); round++) play(step.steps)
        }
      }
  }
  play(program.steps)
  program.buffers.forEach(({ source }, b) => {
    if (source.kind !== 'input' || program.donated[source.index]!) return
    const changed = inputs[source.index]!.findIndex((x, i) => !Object.is(x, memory[b]![i]))
    if (changed >= 0)
      throw new Error(`input ${source.index} was not donated, and its element ${changed} was overwritten`)
  })
  return program.outputs.map(({ buffer, aval }) => memory[buffer]!.subarray(0, sizeOf(aval.shape)))
}

/** The host data that `outputs` read beside `inputs`: a program is given it after them. */
export const hostDataIn = (inputs: readonly Expr[], outputs: readonly Expr[]): readonly Expr[] =>
  toposort(outputs)
    .flatMap(({ prim, outs }) => (prim.lower.kind === 'leaf' ? outs : []))
    .filter((x) => !inputs.includes(x))

/** What a device of such capabilities would compute of `outputs`, given the elements of `inputs`; host data in them goes along. */
export const playScheduled = (
  capabilities: Capabilities,
  inputs: readonly Expr[],
  outputs: readonly Expr[],
  donated: readonly boolean[],
  elements: readonly Iterable<number>[],
): readonly Float64Array[] => {
  const data = hostDataIn(inputs, outputs)
  const program = schedule(capabilities)({
    inputs: [...inputs, ...data],
    outputs,
    donated: [...donated, ...data.map(() => false)],
  })
  return playProgram(program, [
    ...elements.map((x) => Float64Array.from(x)),
    ...(data.length === 0 ? [] : evaluate(data).map((v) => v.data)),
  ])
}
