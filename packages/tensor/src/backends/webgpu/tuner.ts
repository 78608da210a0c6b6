/**
 * The tuner of a GPU. Times come late here, so that it is told beforehand which products a program has, and the program waits
 * for what it learns as it does for its pipelines. Candidates run on buffers of their own, timed by the adapter's clock where it has one: what the pool has free may
 * be read yet by work that waits in the queue, which this does not wait for.
 */
import { type DType, dtypes, type HostArray } from '../../base/dtype.ts'
import { isHalf, packHalves } from '../../base/rounding.ts'
import type { DotKernel } from '../../loops/kernel.ts'
import { type Candidate, chosen, type Contest, type Tuner, type Winners } from '../tuner/candidate.ts'
import { dotKey, keyText, typical } from '../tuner/dot-key.ts'
import { numbers, sameBytes } from '../tuner/numbers.ts'
import { race } from '../tuner/race.ts'
import { type BindGroups, whole } from './bindings.ts'
import type { Clock } from './clock.ts'
import type { Blame, Outcome } from './faults.ts'
import { MAP_READ, patiently } from './gpu.ts'
import type { Block, Memory } from './memory.ts'
import type { Pipeline, Pipelines } from './pipelines.ts'
import type { DotChoice, Shader } from './printer/index.ts'

/** What is timed takes so long at least, ms: by the adapter's clock, or by the host's, which sees the device's end a millisecond late. */
const SAMPLE = { device: 1, host: 20 } as const
const MOST_REPEATS = 1024

export interface GpuTuner extends Tuner<DotChoice> {
  /** Measures the kinds of products that are new; null where none is. Never rejects. */
  readonly learn: (dots: readonly DotKernel[]) => Promise<void> | null
}

export interface GpuParts {
  readonly gpu: GPUDevice
  readonly memory: Memory
  readonly pipelines: Pipelines
  readonly groups: BindGroups
  readonly clock: Clock
  readonly candidates: (kernel: DotKernel) => readonly Candidate<DotChoice>[]
  readonly print: (kernel: DotKernel, choice: DotChoice) => Shader
  readonly winners: Winners | null
}

const blame = (): Blame => ({ op: 'a product that is measured', site: '' })

const stored = (count: number, dtype: DType): HostArray | Uint16Array => {
  const data = numbers(count, dtype)
  return isHalf(dtype) ? packHalves(dtype, data, new Uint16Array(2 * Math.ceil(count / 2))) : data
}

/** A candidate on the device. */
interface Entrant {
  readonly pipeline: Pipeline
  readonly shader: Shader
}

/** The winner's place; null where what is shipped could not be run. */
const measure = async (parts: GpuParts, kernel: DotKernel, shaders: readonly Shader[]): Promise<number | null> => {
  const { gpu, memory, pipelines, groups, clock } = parts
  const blocks: Block[] = []
  try {
    for (const { dtype, size, read } of kernel.buffers) {
      const block = memory.make(4 * Math.ceil((dtypes[dtype].bytes * size) / 4), blame)
      blocks.push(block)
      if (read) gpu.queue.writeBuffer(block.buffer, 0, stored(size, dtype))
    }
    const access = kernel.buffers.map((b) => (b.write ? 'w' : 'r')).join('')
    const entrants = shaders.map((shader): Entrant => ({ shader, pipeline: pipelines.of(shader, access, 'dot') }))
    await Promise.all(entrants.map(({ pipeline }) => pipeline.ready))

    // Without memory for its times the host's clock tells as much as where there is no other.
    const told = (await clock.ready(1)) === null
    const time = async ({ pipeline, shader }: Entrant, repeats: number): Promise<number> => {
      const encoder = gpu.createCommandEncoder()
      const pass = encoder.beginComputePass(told ? { timestampWrites: clock.marks(0, 'both') } : {})
      pass.setPipeline(pipeline.compiled!)
      pass.setBindGroup(0, groups.of(pipeline, blocks.map(whole)))
      for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(...shader.workgroups)
      pass.end()
      const reading = told ? clock.take(1, encoder, blame) : null
      const start = performance.now()
      gpu.queue.submit([encoder.finish()])
      if (reading === null) {
        await patiently(() => gpu.queue.onSubmittedWorkDone())
        return (performance.now() - start) / repeats
      }
      const outcome: Outcome = { error: null }
      const ms = await reading.read(outcome)
      if (ms._tag === 'Left') throw new Error(ms.left.message)
      return ms.right[0]! / repeats
    }
    const resultOf = async (): Promise<Uint8Array> => {
      const out = blocks[kernel.buffers.findIndex((b) => b.write)]!
      const staging = memory.takeStaging(out.bytes, blame)
      try {
        const encoder = gpu.createCommandEncoder()
        encoder.copyBufferToBuffer(out.buffer, 0, staging.buffer, 0, out.bytes)
        gpu.queue.submit([encoder.finish()])
        await patiently(() => staging.buffer.mapAsync(MAP_READ, 0, out.bytes))
        const bytes = new Uint8Array(staging.buffer.getMappedRange(0, out.bytes).slice(0))
        staging.buffer.unmap()
        return bytes
      } finally {
        memory.discardStaging(staging)
      }
    }
    // One that is not compiled, or gave other bits, is no candidate, whatever was thought when it was made.
    const able: number[] = []
    let shipped: Uint8Array | null = null
    let least = Infinity
    for (const [i, entrant] of entrants.entries()) {
      if (entrant.pipeline.compiled === null) {
        if (i === 0) return null // the program says what is wrong with it
        continue
      }
      const took = [await time(entrant, 1), await time(entrant, 1)]
      const result = await resultOf()
      shipped ??= result
      if (i === 0) least = Math.min(...took)
      if (sameBytes(shipped, result)) able.push(i)
    }
    const sample = told ? SAMPLE.device : SAMPLE.host
    const repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(sample / Math.max(least, 1e-3))))
    const racing = race(able.length)
    let step = racing.next()
    while (step.done !== true) step = racing.next(await time(entrants[able[step.value]!]!, repeats))
    return able[step.value]!
  } finally {
    blocks.forEach(memory.discard)
  }
}

export const gpuTuner = (parts: GpuParts): GpuTuner => {
  const known = new Map<string, DotChoice | null>()
  const learning = new Map<string, Promise<void>>()
  let last = Promise.resolve()
  let measured = 0
  const textOf = (kernel: DotKernel): string => keyText(dotKey(kernel))

  const find = async (key: string, kernel: DotKernel): Promise<DotChoice | null> => {
    const candidates = parts.candidates(kernel)
    const shaders = candidates.map(({ choice }) => parts.print(kernel, choice))
    const apart = shaders.flatMap((s, i) => (shaders.findIndex(({ source }) => source === s.source) === i ? [i] : []))
    if (apart.length === 1) return null
    const contest: Contest = {
      key,
      names: apart.map((i) => candidates[i]!.name),
      code: apart.map((i) => shaders[i]!.source),
    }
    const recalled = parts.winners?.recall(contest) ?? null
    if (recalled !== null) return chosen(candidates, recalled)
    const winner = await measure(
      parts,
      kernel,
      apart.map((i) => shaders[i]!),
    )
    if (winner === null) return null
    measured++
    const { name } = candidates[apart[winner]!]!
    parts.winners?.remember(contest, name)
    return chosen(candidates, name)
  }
  const learnOne = (kernel: DotKernel, key: string): Promise<void> => {
    const before = learning.get(key)
    if (before !== undefined) return before
    // one at a time: they would slow each other
    const now = last
      .then(() => find(key, typical(dotKey(kernel))))
      .then(
        (choice) => void known.set(key, choice),
        // No memory for it, or the device is gone: what the program does next says so, if it matters.
        () => void known.set(key, null),
      )
    learning.set(key, now)
    last = now
    return now
  }
  return {
    learn: (dots) => {
      const fresh = new Map<string, DotKernel>()
      for (const kernel of dots) {
        const { batch, m, n, k } = kernel
        if ([...batch, m, n, k].some((x) => x.extent === 0)) continue
        const key = textOf(kernel)
        if (!known.has(key)) fresh.set(key, kernel)
      }
      if (fresh.size === 0) return null
      return Promise.all([...fresh].map(([key, kernel]) => learnOne(kernel, key))).then(() => undefined)
    },
    choose: (kernel) => known.get(textOf(kernel)) ?? null,
    measured: () => measured,
  }
}
