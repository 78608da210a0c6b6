import { buildLoops, describeLoops, type LoopProgram, loopPrograms, meaningOfLoops, mismatch } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { captureSite } from '../../base/site.ts'
import { host } from '../../compile/capabilities.support.ts'
import { ALIGNMENT } from '../../compile/memory/arena.ts'
import { hostDataIn, playProgram } from '../../compile/playing.support.ts'
import { schedule } from '../../compile/schedule.ts'
import { evaluate } from '../../graph/evaluate.ts'
import { typed } from '../../graph/tensor.ts'
import type { Kernel } from '../../loops/kernel.ts'
import { kernelSteps, type Program, type ProgramBuffer, type Step } from '../../loops/program.ts'
import { parameter } from '../../primitives/index.ts'
import { placeScratch } from './scratch.ts'

/** Bytes of an element, as programs count them. */
const ELEMENT = 4
const needsOf = (program: Program, some: readonly number[]): readonly number[] =>
  kernelSteps(program.steps).map((_, i) => ELEMENT * some[i % some.length]!)

/** A program as a CPU schedules it, and what it reads. */
const scheduled = (program: LoopProgram) => {
  const { shape, inputs, row, donated } = program
  const stands = inputs.map(() => typed<readonly number[], 'f32'>(parameter({ shape, dtype: 'f32' })))
  const at = typed<readonly [], 'i32'>(parameter({ shape: [], dtype: 'i32' }))
  const outputs = buildLoops(program)(stands, at)
  const data = hostDataIn([...stands, at], outputs)
  const given = [...inputs.map((x) => Float64Array.from(x)), Float64Array.of(row), ...evaluate(data).map((v) => v.data)]
  const asked = { inputs: [...stands, at, ...data], outputs, donated: [...donated, false, ...data.map(() => false)] }
  return { program: schedule(host)(asked), given }
}
const sizes = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 })), { minLength: 1, maxLength: 7 })

describe('scratch', () => {
  it('holds nothing that is read: kernels may write all of theirs, before and after', () => {
    let [kernels, within] = [0, 0]
    fc.assert(
      fc.property(loopPrograms(), sizes, (random, some) => {
        const { program, given } = scheduled(random)
        const needs = needsOf(program, some)
        const { offsets, bytes } = placeScratch(program, needs)
        const ranges = new Map<Step, readonly [number, number]>(
          kernelSteps(program.steps).map((step, i) => [
            step,
            [offsets[i]! / ELEMENT, (offsets[i]! + needs[i]!) / ELEMENT],
          ]),
        )
        const enlarged = { ...program, slabs: [Math.ceil(bytes / ALIGNMENT) * ALIGNMENT] }
        const got = playProgram(enlarged, given, (kernel, [slab]) => slab!.fill(NaN, ...ranges.get(kernel)!))
        meaningOfLoops(random).forEach((wanted, i) => {
          const off = mismatch(got[i]!, wanted, { relative: 1e-6, absolute: 1e-6 })
          if (off !== null) throw new Error(`result ${i}: ${off}\n${describeLoops(random)}`)
        })
        offsets.forEach((offset, i) => {
          if (needs[i] === 0) return
          kernels++
          if (offset + needs[i]! <= (program.slabs[0] ?? 0)) within++
        })
      }),
      { seed: 5, numRuns: 300 },
    )
    // Where nothing were shared, all would lie behind the slab.
    expect(within / kernels).toBeGreaterThan(0.2)
  })

  it('takes no more than the most that a kernel needs, behind the slab, and what it asks lies within', () => {
    fc.assert(
      fc.property(loopPrograms(), sizes, (random, some) => {
        const { program } = scheduled(random)
        const needs = needsOf(program, some)
        const { offsets, bytes } = placeScratch(program, needs)
        const slab = program.slabs[0] ?? 0
        expect(offsets.length).toBe(needs.length)
        expect(bytes).toBeGreaterThanOrEqual(slab)
        expect(bytes).toBeLessThanOrEqual(slab + Math.max(0, ...needs))
        offsets.forEach((offset, i) => {
          expect(offset % ALIGNMENT).toBe(0)
          if (needs[i]! > 0) expect(offset + needs[i]!).toBeLessThanOrEqual(bytes)
        })
      }),
      { seed: 6, numRuns: 100 },
    )
  })
})

describe('known places', () => {
  const kernel: Kernel = { kind: 'loop', name: 'any', buffers: [], rows: [], cols: [], reductions: [], stores: [] }
  const step = (...buffers: readonly number[]): Step => ({ kind: 'kernel', kernel, buffers, site: captureSite() })
  const slot = (offset: number, bytes: number): ProgramBuffer => ({ source: { kind: 'slot', slab: 0, offset }, bytes })
  const place = (buffers: readonly ProgramBuffer[], steps: readonly Step[], ...needs: readonly number[]) =>
    placeScratch({ inputs: [], donated: [], outputs: [], live: 0, told: null, slabs: [768], buffers, steps }, needs)
  const [a, b] = [slot(0, 512), slot(512, 256)]

  it('a gap of what has died, or behind the slab', () => {
    const steps = [step(0), step(0, 1), step(1)]
    expect(place([a, b], steps, 256, 512, 512)).toEqual({ offsets: [512, 768, 0], bytes: 1280 })
    expect(place([a, b], steps, 0, 0, 513)).toEqual({ offsets: [0, 0, 768], bytes: 1281 })
    expect(place([a, b], steps, 0, 0, 0)).toEqual({ offsets: [0, 0, 0], bytes: 768 })
  })

  it('what a loop reads lives in all of its rounds; what is its own, from step to step', () => {
    const loop = (...steps: readonly Step[]): Step => ({
      kind: 'loop',
      trips: 2,
      flag: null,
      steps,
      site: captureSite(),
    })
    expect(place([a, b], [step(0), loop(step(0, 1), step(1), step())], 0, 8, 8, 8).offsets).toEqual([0, 768, 768, 512])
    // the same one level down
    const nested = [step(0), loop(loop(step(0, 1), step(1), step()))]
    expect(place([a, b], nested, 0, 8, 8, 8).offsets).toEqual([0, 768, 768, 512])
    // b is handed from one loop to the next, inside of a third
    const handed = [step(0), loop(loop(step(1), step()), loop(step(1), step())), step(0)]
    expect(place([a, b], handed, 0, 8, 8, 8, 8, 0).offsets).toEqual([0, 768, 768, 768, 768, 0])
  })
})
