/** TensorBoard's event files as a sink of a run: it is looked at while it goes on. */
import type { LogRecord, Sink } from '@adjoint/rl'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { numbersOf, MAKING } from '../chapters.ts'
import { firstRecord, recordsOf, type TensorBoardEvent } from './events.ts'
import { folderName } from './scalars.ts'

/** The numbers of a line by their tags; those of an evaluation stand at the steps that were done before it. */
const scalarsOf = (line: LogRecord): readonly (readonly [string, number])[] => {
  if (line.kind === 'sample') return []
  const prefix = line.kind === 'step' ? '' : `${line.kind}/`
  return [...numbersOf(line)].flatMap(([name, value]) =>
    value === null || (line.kind === 'evaluation' && MAKING.has(name)) ? [] : [[prefix + name, value] as const],
  )
}

const stepOf = (line: LogRecord): number =>
  line.kind === 'evaluation' && typeof line['done'] === 'number' && line['done'] > 0 ? line['done'] : line.step

/**
 * A sink that writes event files into `folder`, a folder below it for each phase; of a run that goes on, what was told beyond its
 * checkpoint is taken back. All numbers are written, under the names that they have in the log; completions are not.
 *
 * @example
 * ```ts
 * import { run, type RunConfig } from '@adjoint/rl'
 * import { tensorBoard } from '@adjoint/report'
 * import type { Scalar } from '@adjoint/tensor'
 * const watched = (config: RunConfig<Scalar>) => run({ ...config, sinks: [tensorBoard(`${config.folder}/tensorboard`)] })
 * ```
 */
export const tensorBoard = (folder: string): Sink => ({
  name: `tensorboard ${folder}`,
  open: ({ phase: first, step: began, resumed }) => {
    const files = new Map<string, FileHandle>()
    const fileOf = async (phase: string): Promise<FileHandle> => {
      const known = files.get(phase)
      if (known !== undefined) return known
      const below = join(folder, folderName(phase) || 'run')
      await mkdir(below, { recursive: true })
      const time = Date.now() / 1000
      // Files of one folder are read in the order of their names.
      const file = await open(join(below, `events.out.tfevents.${Math.floor(time)}.${process.pid}.adjoint`), 'a')
      files.set(phase, file)
      const back: readonly TensorBoardEvent[] = resumed
        ? [{ time, step: phase === first ? began : 0, restarts: true }]
        : []
      await file.appendFile(Buffer.concat([firstRecord(time), recordsOf(back)]))
      return file
    }
    return Promise.resolve({
      write: async ({ phase, step, records, times }) => {
        const time = Date.now() / 1000
        const byStep = new Map<number, (readonly [string, number])[]>()
        for (const line of [...records, { ...times, phase, step, kind: 'times' }]) {
          const scalars = byStep.get(stepOf(line)) ?? []
          scalars.push(...scalarsOf(line))
          byStep.set(stepOf(line), scalars)
        }
        const events = [...byStep]
          .filter(([, scalars]) => scalars.length > 0)
          .map(([at, scalars]): TensorBoardEvent => ({ time, step: at, scalars }))
        await (await fileOf(phase)).appendFile(recordsOf(events))
      },
      close: async () => {
        await Promise.all([...files.values()].map((file) => file.close()))
      },
    })
  },
})
