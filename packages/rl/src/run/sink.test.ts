import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { add, scalar, type Scalar } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeError } from './errors.ts'
import { type LogRecord, parseRecord } from './log.ts'
import { type Phase, run } from './run.ts'
import { type Sink, type SinkStart, type StepLines, tolerated } from './sink.ts'

let root = ''
let runs = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'adjoint-sink-'))
})
afterAll(() => rm(root, { recursive: true }))
const fresh = (): string => join(root, String(runs++))

const count: Phase<Scalar> = {
  name: 'count',
  steps: 5,
  enter: (x) => x,
  advance: (x, { step }) =>
    TE.right({ state: add(x, 1), metrics: { done: step }, records: step === 2 ? [{ kind: 'note', text: 'two' }] : [] }),
}
const runOf = (folder: string, sinks: readonly Sink[], resume: boolean | 'where begun' = false) =>
  run({ folder, seed: 0, phases: [count], checkpointEvery: 2, settings: { seed: 0 }, sinks })(scalar(0), { resume })()

const linesOf = async (folder: string, file = 'log.jsonl'): Promise<readonly LogRecord[]> =>
  (await readFile(join(folder, file), 'utf8'))
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const read = parseRecord(line)
      if (read._tag === 'None') throw new Error(`no record: ${line}`)
      return read.value
    })

/** A sink that remembers; `fails` says where it throws. */
const memory = (fails: (act: 'open' | 'write' | 'close', step: number) => boolean = () => false) => {
  const starts: SinkStart[] = []
  const told: StepLines[] = []
  let closed = 0
  const sink: Sink = {
    name: 'memory',
    open: async (start) => {
      starts.push(start)
      if (fails('open', 0)) throw new Error('no room')
      return {
        write: async (lines) => {
          if (fails('write', lines.step)) throw new Error('gone away')
          told.push(lines)
        },
        close: async () => {
          closed++
          if (fails('close', 0)) throw new Error('not closed')
        },
      }
    },
  }
  return { sink, starts, told, closes: () => closed }
}

describe('a sink', () => {
  test('is told what the log and the times are told, step after step, and is closed once', async () => {
    const folder = fresh()
    const { sink, starts, told, closes } = memory()
    expect(E.isRight(await runOf(folder, [sink]))).toBe(true)
    const [first, ...lines] = await linesOf(folder)
    expect(starts).toEqual([{ folder, settings: first, phase: 'count', step: 0, resumed: false }])
    expect(told.flatMap(({ records }) => records)).toEqual(lines)
    expect(told.map(({ times }) => times)).toEqual(await linesOf(folder, 'times.jsonl'))
    expect(told.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4])
    expect(closes()).toBe(1)
  })

  test('that fails ends the run, is told by its name, and costs no line: gone on with, the log is that of a run without', async () => {
    const [folder, whole] = [fresh(), fresh()]
    await runOf(whole, [])
    const failing = memory((act, step) => act === 'write' && step === 3)
    const beside = memory()
    const ended = await runOf(folder, [failing.sink, beside.sink])
    expect(ended).toEqual(E.left({ _tag: 'SinkFailed', sink: 'memory', reason: 'gone away' }))
    if (E.isLeft(ended)) expect(describeError(ended.left)).toMatch(/"memory" failed: gone away\. The log .* resume\.$/)
    // The log has the step that the sink has not, and so has a sink beside it.
    expect((await linesOf(folder)).at(-1)).toMatchObject({ kind: 'step', step: 3 })
    expect(beside.told.at(-1)!.step).toBe(3)
    expect([failing.closes(), beside.closes()]).toEqual([1, 1])

    const again = memory()
    expect(E.isRight(await runOf(folder, [again.sink], true))).toBe(true)
    expect(again.starts[0]).toMatchObject({ phase: 'count', step: 2, resumed: true })
    expect(await readFile(join(folder, 'log.jsonl'), 'utf8')).toBe(await readFile(join(whole, 'log.jsonl'), 'utf8'))
  })

  test('that cannot be opened ends the run before its first step, and those before it are closed', async () => {
    const [folder, before] = [fresh(), memory()]
    const ended = await runOf(folder, [before.sink, memory((act) => act === 'open').sink])
    expect(ended).toEqual(E.left({ _tag: 'SinkFailed', sink: 'memory', reason: 'no room' }))
    expect([before.told, before.closes()]).toEqual([[], 1])
    expect(E.isRight(await runOf(folder, [], true))).toBe(true)
  })

  test('that cannot be closed is told, after all steps are in the log', async () => {
    const folder = fresh()
    const ended = await runOf(folder, [memory((act) => act === 'close').sink])
    expect(ended).toEqual(E.left({ _tag: 'SinkFailed', sink: 'memory', reason: 'not closed' }))
    expect((await linesOf(folder)).at(-1)).toMatchObject({ step: 4 })
  })

  test('that is tolerated tells its first failure only, and the run ends well', async () => {
    for (const act of ['open', 'write', 'close'] as const) {
      const heard: string[] = []
      const failing = memory((doing, step) => doing === act && (act !== 'write' || step >= 1))
      const folder = fresh()
      expect(E.isRight(await runOf(folder, [tolerated((reason) => heard.push(reason))(failing.sink)]))).toBe(true)
      expect(heard).toHaveLength(1)
      expect(heard[0]).toMatch(/^memory: (no room|gone away|not closed)/)
      expect(failing.told).toHaveLength({ open: 0, write: 1, close: 5 }[act])
    }
  })
})
