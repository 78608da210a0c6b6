import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { add, mul, readAsync, scalar, type Scalar } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { right } from './device.support.ts'
import { describeError, type RunError } from './errors.ts'
import type { Json } from './log.ts'
import { type Phase, type PhaseStep, run, type RunConfig } from './run.ts'
import { recordState, type StateCodec } from './state.ts'
import { dice } from './keys.ts'

let root = ''
let runs = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'adjoint-run-'))
})
afterAll(async () => rm(root, { recursive: true }))
const fresh = (): string => join(root, String(runs++))

type State = { readonly x: Scalar; readonly extra: Scalar | null }
const start: State = { x: scalar(1), extra: null }

/** Two phases of different structure; each step depends on the state and on its key. `dies` cuts the power. */
const phases = (dies: (phase: string, step: number) => RunError | null = () => null): readonly Phase<State>[] => {
  const phase = (name: string, steps: number, enter: Phase<State>['enter']): Phase<State> => ({
    name,
    steps,
    enter,
    advance:
      (state, { step, key }) =>
      async () => {
        const death = dies(name, step)
        if (death !== null) return E.left(death)
        const drawn = dice(key)(1000)
        const x = mul(add(state.x, drawn), 0.5)
        const seen = (await readAsync(x))[0]!
        return E.right({
          state: { ...state, x },
          metrics: { drawn, seen },
          records: step % 2 === 0 ? [{ kind: 'sample', text: `${drawn}` }] : [],
          times: { step_time: Math.random() },
        })
      },
  })
  return [phase('first', 5, (s) => s), phase('second', 4, ({ x }) => ({ x, extra: scalar(7) }))]
}
const config = (folder: string, over: Partial<RunConfig<State>> = {}): RunConfig<State> => ({
  folder,
  seed: 3,
  phases: phases(),
  checkpointEvery: 2,
  settings: { seed: 3 },
  ...over,
})
const left = async <A>(task: TE.TaskEither<RunError, A>): Promise<RunError> => {
  const result = await task()
  if (E.isRight(result)) throw new Error('expected a failure')
  return result.left
}
const logOf = (folder: string): Promise<string> => readFile(join(folder, 'log.jsonl'), 'utf8')
const power: RunError = { _tag: 'EmptyDataset', name: 'the power line' }

describe('a run', () => {
  test('cut anywhere, any number of times, and resumed, gives the log and the state of an uninterrupted one', async () => {
    const whole = fresh()
    const last = await readAsync((await right(run(config(whole))(start, { resume: false }))).x)
    const log = await logOf(whole)
    const cuts = fc.array(fc.tuple(fc.constantFrom('first', 'second'), fc.nat({ max: 4 })), {
      minLength: 1,
      maxLength: 3,
    })
    await fc.assert(
      fc.asyncProperty(cuts, async (planned) => {
        const folder = fresh()
        const waiting = [...planned]
        let resume = false
        for (let attempt = 0; attempt <= planned.length; attempt++) {
          let cut = false
          const dying = phases((name, step) => {
            const at = waiting.findIndex(([n, s]) => n === name && s === step)
            if (at < 0 || cut) return null
            waiting.splice(at, 1)
            cut = true
            return power
          })
          const result = await run(config(folder, { phases: dying }))(start, { resume })()
          resume = true
          if (E.isLeft(result)) {
            expect(result.left).toEqual(power)
            continue
          }
          expect(await readAsync(result.right.x)).toEqual(last)
          expect(await logOf(folder)).toBe(log)
          return
        }
        throw new Error('the run never ended')
      }),
      { seed: 1, numRuns: 25 },
    )
  })

  test('that has ended is resumed to its last state, and its log stays', async () => {
    const folder = fresh()
    const { x } = await right(run(config(folder))(start, { resume: false }))
    const log = await logOf(folder)
    const again = await right(run(config(folder))(start, { resume: true }))
    expect(await readAsync(again.x)).toEqual(await readAsync(x))
    expect(await logOf(folder)).toBe(log)
  })

  test('of another seed writes another log', async () => {
    const [a, b] = [fresh(), fresh()]
    await right(run(config(a))(start, { resume: false }))
    await right(run(config(b, { seed: 4 }))(start, { resume: false }))
    expect(await logOf(a)).not.toBe(await logOf(b))
  })

  test('tells its observer of every step', async () => {
    const seen: string[] = []
    await right(
      run(config(fresh(), { observe: (p) => seen.push(`${p.phase} ${p.step}/${p.steps}`) }))(start, { resume: false }),
    )
    expect(seen).toHaveLength(9)
    expect(seen.at(-1)).toBe('second 4/4')
  })
})

describe('what ends a run', () => {
  test('a NaN names its step and metric, and leaves the checkpoint as it was', async () => {
    const folder = fresh()
    const poisoned = phases().map((phase): Phase<State> => ({
      ...phase,
      advance: (state, at) =>
        TE.map((s: { readonly state: State; readonly metrics: Readonly<Record<string, number>> }) => ({
          ...s,
          metrics: at.step === 3 ? { ...s.metrics, loss: NaN } : s.metrics,
        }))(phase.advance(state, at)),
    }))
    const error = await left(run(config(folder, { phases: poisoned }))(start, { resume: false }))
    expect(describeError(error)).toContain('first step 3: loss is NaN')
    expect(await logOf(folder)).not.toContain('loss')
    // The checkpoint after step 2 is good: without the poison the run goes on to the end.
    const whole = fresh()
    await right(run(config(whole))(start, { resume: false }))
    await right(run(config(folder))(start, { resume: true }))
    expect(await logOf(folder)).toBe(await logOf(whole))
  })

  test('a folder that holds a run is not overwritten', async () => {
    const folder = fresh()
    await right(run(config(folder))(start, { resume: false }))
    const log = await logOf(folder)
    expect(await left(run(config(folder))(start, { resume: false }))).toMatchObject({
      _tag: 'FileFailure',
      code: 'HasRun',
    })
    expect(await logOf(folder)).toBe(log)
  })

  test('other settings are refused, by name', async () => {
    const folder = fresh()
    await right(run(config(folder))(start, { resume: false }))
    const error = await left(run(config(folder, { settings: { seed: 5 } }))(start, { resume: true }))
    expect(describeError(error)).toContain('started with seed = 3, and is resumed with 5')
  })

  test('a corrupt checkpoint is refused and left as it is', async () => {
    const folder = fresh()
    await right(run(config(folder))(start, { resume: false }))
    const path = join(folder, 'checkpoint.safetensors')
    const bytes = await readFile(path)
    for (const broken of [
      bytes.subarray(0, bytes.length - 3),
      Buffer.concat([bytes.subarray(0, -2), Buffer.from([1, 2])]),
    ]) {
      await writeFile(path, broken)
      expect(await left(run(config(folder))(start, { resume: true }))).toMatchObject({ _tag: 'CorruptCheckpoint' })
      expect(await readFile(path)).toEqual(Buffer.from(broken))
    }
  })

  test('a folder that cannot be made is said, with what to do', async () => {
    const file = fresh()
    await writeFile(file, 'kept')
    for (const resume of [false, 'where begun'] as const) {
      const said = async (folder: string): Promise<string> => {
        const error = await left(run(config(folder))(start, { resume }))
        expect(error).toMatchObject({ _tag: 'FileFailure', code: 'NoFolder' })
        return describeError(error)
      }
      expect(await said(file)).toBe(
        `${file}: this folder cannot be made: there is a file of that name. Nothing was changed: choose another folder.`,
      )
      expect(await said(join(file, 'below'))).toContain('there is a file where a folder above it would be')
    }
    expect(await readFile(file, 'utf8')).toBe('kept')
  })

  test('resuming what never ran names the missing file', async () => {
    const folder = fresh()
    expect(await left(run(config(folder))(start, { resume: true }))).toMatchObject({
      _tag: 'FileFailure',
      code: 'NoRun',
    })
    expect(existsSync(folder)).toBe(false)
  })
})

describe('a run that goes on', () => {
  const linesOf = async (path: string): Promise<readonly { readonly [key: string]: unknown }[]> =>
    (await readFile(path, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly [key: string]: unknown })

  test('draws other keys in another phase', async () => {
    const folder = fresh()
    await right(run(config(folder))(start, { resume: false }))
    const steps = (await linesOf(join(folder, 'log.jsonl'))).filter(({ kind }) => kind === 'step')
    const drawn = (name: string) => steps.filter(({ phase }) => phase === name).map((line) => line['drawn'])
    expect(drawn('second')).not.toEqual(drawn('first').slice(0, 4))
  })

  test('does no step twice that has ended, whatever the steps between checkpoints', async () => {
    for (const checkpointEvery of [3, 100]) {
      const folder = fresh()
      await right(run(config(folder, { checkpointEvery }))(start, { resume: false }))
      const again = config(folder, { checkpointEvery, phases: phases(() => power) })
      expect(E.isRight(await run(again)(start, { resume: true })())).toBe(true)
    }
  })

  test('has one line of times a step', async () => {
    const folder = fresh()
    let cut = false
    const dying = phases((name, step) => {
      if (cut || name !== 'second' || step !== 3) return null
      cut = true
      return power
    })
    expect(await left(run(config(folder, { phases: dying }))(start, { resume: false }))).toEqual(power)
    await right(run(config(folder))(start, { resume: true }))
    const times = (await linesOf(join(folder, 'times.jsonl'))).map(
      ({ phase, step }) => `${String(phase)} ${String(step)}`,
    )
    const each = (name: string, steps: number) => Array.from({ length: steps }, (_, step) => `${name} ${step}`)
    expect(times).toEqual([...each('first', 5), ...each('second', 4)])
  })

  test('refuses to forget a setting', async () => {
    const folder = fresh()
    await right(run(config(folder))(start, { resume: false }))
    const error = await left(run(config(folder, { settings: {} }))(start, { resume: true }))
    expect(describeError(error)).toContain('started with seed = 3')
  })
})

describe('a mistake of who writes a run', () => {
  const codec = (over: Partial<StateCodec<number>> = {}): StateCodec<number> => ({
    tensors: () => null,
    data: (n) => n,
    restore: (_, data) => (typeof data === 'number' ? E.right(data) : E.left('it is no number')),
    ...over,
  })
  const counting = (folder: string, over: Partial<StateCodec<number>> = {}, gives: Partial<PhaseStep<number>> = {}) =>
    run<number, number>({
      ...{ folder, seed: 0, checkpointEvery: 2, settings: {}, codec: codec(over) },
      phases: [
        {
          name: 'count',
          steps: 3,
          enter: (n) => n,
          advance: (n) => TE.right({ state: n + 1, metrics: { n }, ...gives }),
        },
      ],
    })
  const thrower = () => {
    throw new Error('the codec is broken')
  }

  test('a state that is no tree, without a codec, does not compile', () => {
    const rest = { folder: fresh(), seed: 0, checkpointEvery: 2, settings: {}, phases: [] }
    // @ts-expect-error: numbers are no tree
    run<number, number>(rest)
    run<number, number>({ ...rest, codec: codec() })
    run<Scalar>(rest)
  })

  test('leaves nothing open, wherever it is thrown: the next run in the folder goes on', async () => {
    for (const [resume, over] of [
      [false, { data: thrower }],
      [false, { tensors: thrower }],
      [true, { restore: thrower }],
      [true, { tensors: thrower }],
    ] as const) {
      const folder = fresh()
      if (resume) await right(counting(folder)(0, { resume: false }))
      const before = resume ? readdirSync(folder) : []
      await expect(counting(folder, over)(0, { resume })()).rejects.toThrow('the codec is broken')
      expect(readdirSync(folder).filter((name) => name.startsWith('lock'))).toEqual([])
      if (resume) expect(readdirSync(folder)).toEqual(before)
      expect(await right(counting(folder)(0, { resume: 'where begun' }))).toBe(3)
    }
  })

  test.skipIf(process.platform !== 'linux')('leaves no file open', async () => {
    const openIn = (folder: string): readonly string[] =>
      readdirSync('/proc/self/fd').flatMap((fd) => {
        try {
          const path = readlinkSync(`/proc/self/fd/${fd}`)
          return path.startsWith(folder) ? [path] : []
        } catch {
          // Closed since it was listed.
          return []
        }
      })
    const folder = fresh()
    await expect(counting(folder, { data: thrower })(0, { resume: false })()).rejects.toThrow('the codec is broken')
    expect(openIn(folder)).toEqual([])
  })

  test('is refused before anything is made, where a number of steps is none', () => {
    const folder = fresh()
    const steps = (n: number) => phases().map((phase, i): Phase<State> => (i === 0 ? { ...phase, steps: n } : phase))
    for (const n of [0, -1, 1.5, NaN, Infinity])
      expect(() => run(config(folder, { checkpointEvery: n }))).toThrow(`run: checkpointEvery is ${n}. Give a whole`)
    for (const n of [-1, 2.5, NaN, Infinity])
      expect(() => run(config(folder, { phases: steps(n) }))).toThrow(`run, phase first: steps is ${n}. Give a whole`)
    expect(existsSync(folder)).toBe(false)
  })

  test('a phase of no steps is entered and left', async () => {
    const none = phases().map((phase, i): Phase<State> => (i === 0 ? { ...phase, steps: 0 } : phase))
    const last = await right(run(config(fresh(), { phases: none }))(start, { resume: false }))
    expect(last.extra).not.toBeNull()
  })

  test.each<readonly [string, Partial<PhaseStep<number>>]>([
    ['a metric', { metrics: { loss: 1, step: 7 } }],
    ['a metric', { metrics: { kind: 7 } }],
    ['a metric', { metrics: { phase: 7 } }],
    ['a field of a record', { records: [{ kind: 'sample' }, { kind: 'sample', step: 7 }] }],
    ['a field of a record', { records: [{ kind: 'sample', phase: 'mine' }] }],
    ['a time', { times: { step: 7 } }],
    ['a time', { times: { total: 7 } }],
  ])('%s by the name of one that the run writes is refused: %j', async (what, gives) => {
    const folder = fresh()
    await expect(counting(folder, {}, gives)(0, { resume: false })()).rejects.toThrow(
      new RegExp(`run: ${what} of phase count is named \`(step|kind|phase|total)\`, which the run itself writes`),
    )
    expect((await logOf(folder)).split('\n')).toHaveLength(2)
    expect(await right(counting(folder)(0, { resume: true }))).toBe(3)
  })

  test('a setting by the name of one that the run writes is refused', () => {
    for (const name of ['kind', 'phase', 'step'])
      expect(() => run(config(fresh(), { settings: { [name]: 1 } }))).toThrow(`a setting is named \`${name}\``)
  })

  test('data that no checkpoint can hold is refused when it is saved, and the last checkpoint stays', async () => {
    // What a caller without types may give.
    const none = undefined as unknown as Json
    const folder = fresh()
    const late = counting(folder, { data: (n) => (n === 0 ? n : none) })
    await expect(late(0, { resume: false })()).rejects.toThrow(
      "run: the codec's `data` gave undefined for a state of phase number 0, step 2, which JSON has not. Give null",
    )
    expect(await right(counting(folder)(0, { resume: true }))).toBe(3)
    const record = recordState<{ readonly kept: number; readonly lost: number }>({
      kept: codec(),
      lost: codec({ data: () => none }),
    })
    expect(() => record.data({ kept: 1, lost: 2 })).toThrow(
      'recordState: the codec of `lost` gave undefined as its data',
    )
  })
})
