/** The command line of r1-mini. */
import * as E from 'fp-ts/lib/Either.js'
import { parseArgs } from 'node:util'

export type Control = 'shuffled' | 'random'
export type DeviceKind = 'wasm' | 'webgpu' | 'reference' | 'cpu'

export interface Flags {
  readonly help: boolean
  readonly seed: number
  /** Null: the default device. */
  readonly device: DeviceKind | null
  readonly steps: number
  readonly sftSteps: number
  /** Held-out problems of an exam. */
  readonly exam: number
  /** Null: a new folder under runs/. */
  readonly out: string | null
  readonly resume: boolean
  readonly control: Control | null
  readonly json: boolean
}

export const USAGE = `usage: npm run -s example -- r1-mini [flags]

Cold-start SFT, then GRPO, on mod-10 chains, from random weights; writes a log, a checkpoint and report.html.

  --seed N           seed of the run (default 0)
  --device KIND      wasm, webgpu, reference or cpu (default: hardware WebGPU where there is one, else cpu)
  --steps N          GRPO steps (default 100)
  --sft-steps N      SFT steps (default 2000)
  --exam N           held-out problems of the exams after SFT and after GRPO (default 256)
  --out DIR          folder of the run (default: a new one under runs/)
  --resume           go on from the checkpoint in --out
  --control KIND     shuffled or random rewards for training: the curve must stay flat
  --json             one JSON object on stdout at the end, and nothing else
  --help             this text
`

const count = (name: string, text: string): E.Either<string, number> =>
  /^\d{1,15}$/.test(text) ? E.right(Number(text)) : E.left(`--${name} ${text}: a whole number, 0 or more, is needed`)

const oneOf =
  <const K extends string>(name: string, kinds: readonly K[]) =>
  (text: string | undefined): E.Either<string, K | null> => {
    if (text === undefined) return E.right(null)
    const kind = kinds.find((k) => k === text)
    return kind === undefined ? E.left(`--${name} ${text}: choose ${kinds.join(' or ')}`) : E.right(kind)
  }

/** Flags of an argument list, or what is wrong with it. */
export const parseFlags = (args: readonly string[]): E.Either<string, Flags> => {
  const parsed = E.tryCatch(
    () =>
      parseArgs({
        args: [...args],
        options: {
          help: { type: 'boolean', default: false },
          seed: { type: 'string', default: '0' },
          device: { type: 'string' },
          steps: { type: 'string', default: '100' },
          'sft-steps': { type: 'string', default: '2000' },
          exam: { type: 'string', default: '256' },
          out: { type: 'string' },
          resume: { type: 'boolean', default: false },
          control: { type: 'string' },
          json: { type: 'boolean', default: false },
        },
      }).values,
    (thrown) => (thrown instanceof Error ? thrown.message : String(thrown)),
  )
  if (E.isLeft(parsed)) return parsed
  const { help, out, resume, json, ...given } = parsed.right
  const seed = count('seed', given.seed)
  if (E.isLeft(seed)) return seed
  const steps = count('steps', given.steps)
  if (E.isLeft(steps)) return steps
  const sftSteps = count('sft-steps', given['sft-steps'])
  if (E.isLeft(sftSteps)) return sftSteps
  const exam = count('exam', given.exam)
  if (E.isLeft(exam)) return exam
  if (exam.right === 0) return E.left('--exam 0: an exam needs a problem')
  const device = oneOf('device', ['wasm', 'webgpu', 'reference', 'cpu'])(given.device)
  if (E.isLeft(device)) return device
  const control = oneOf('control', ['shuffled', 'random'])(given.control)
  if (E.isLeft(control)) return control
  if (out === '') return E.left('--out needs a folder')
  if (resume && out === undefined) return E.left('--resume needs --out DIR, the folder of the run to go on with')
  return E.right({
    help,
    seed: seed.right,
    device: device.right,
    steps: steps.right,
    sftSteps: sftSteps.right,
    exam: exam.right,
    out: out ?? null,
    resume,
    control: control.right,
    json,
  })
}
