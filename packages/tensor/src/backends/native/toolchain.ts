/** The C compiler: found once, asked what it is and which processor it compiles for, and run over source texts. */
import * as E from '../../base/either.ts'
import type { System } from './system.ts'

export type ToolchainFailure =
  /** None of these commands is there. */
  | { readonly _tag: 'NoCompiler'; readonly tried: readonly string[] }
  /** The compiler is there and fails. */
  | { readonly _tag: 'CompilerFailed'; readonly command: string; readonly output: string }

export interface Toolchain {
  readonly command: string
  /** First line of what it says of itself. */
  readonly version: string
  readonly flags: readonly string[]
  /** Lanes of f32 in a vector register of the processor. */
  readonly width: number
  /** A hash of the compiler, its flags and the processor's features: what a compiled object depends on beside its source. */
  readonly identity: string
}

const COMMON = [
  '-std=gnu11',
  '-O3',
  '-shared',
  '-fPIC',
  '-fvisibility=hidden',
  '-pipe',
  '-w',
  // Values have the same bits wherever they are computed; NaN and infinity are kept.
  '-ffp-contract=off',
  '-fno-math-errno',
  '-fno-trapping-math',
  // Integers wrap, and memory is read as what it was written as by others.
  '-fwrapv',
  '-fno-strict-aliasing',
]
/** For the processor at hand; the second where the first does not exist (clang on ARM). */
const PROCESSOR = [['-march=native'], ['-mcpu=native'], []] as const

const candidates = ({ environment }: System): readonly string[] => {
  const asked = environment['ADJOINT_CC']
  return asked !== undefined && asked !== '' ? [asked] : ['cc', 'gcc', 'clang']
}

const ask = (system: System, command: string, args: readonly string[], input = '') =>
  system.process.spawnSync(command, args, { input, encoding: 'utf8', maxBuffer: 2 ** 26 })

const widthOf = (macros: string): number => (/__AVX512F__ /.test(macros) ? 16 : /__AVX__ /.test(macros) ? 8 : 4)

/** What compilers said before. */
export interface Answers {
  /** Null where the compiler must be asked. */
  readonly recall: (command: string) => Toolchain | null
  readonly remember: (toolchain: Toolchain) => void
}

/** Answers of no one. */
export const noAnswers: Answers = { recall: () => null, remember: () => undefined }

/** What the answers of a compiler depend on beside itself. */
export const ASKED = JSON.stringify([COMMON, PROCESSOR])

export const findToolchain = (system: System, answers: Answers): E.Either<ToolchainFailure, Toolchain> => {
  const tried = candidates(system)
  for (const command of tried) {
    const known = answers.recall(command)
    if (known !== null) return E.right(known)
    const said = ask(system, command, ['--version'])
    if (said.error !== undefined || said.status !== 0) continue
    const version = said.stdout.split('\n')[0]!.trim()
    let output = ''
    for (const processor of PROCESSOR) {
      const macros = ask(system, command, [...processor, '-dM', '-E', '-x', 'c', '-'])
      if (macros.status !== 0) {
        output = macros.stderr
        continue
      }
      const width = widthOf(macros.stdout)
      const flags = [...COMMON, ...processor, ...(width === 16 ? ['-mprefer-vector-width=512'] : [])]
      const identity = system.crypto
        .createHash('sha256')
        .update(JSON.stringify([command, said.stdout, flags, macros.stdout]))
        .digest('hex')
      const toolchain: Toolchain = { command, version, flags, width, identity }
      answers.remember(toolchain)
      return E.right(toolchain)
    }
    return E.left({ _tag: 'CompilerFailed', command, output })
  }
  return E.left({ _tag: 'NoCompiler', tried })
}

/** A source file, and the library to make of it. */
export interface Job {
  readonly source: string
  readonly target: string
}
/** Runs commands, at most so many at a time, each with its errors written to a file; gives their exit codes. */
export type RunAll = (
  commands: readonly (readonly string[])[],
  logs: readonly string[],
  most: number,
) => readonly number[]

/** One after the other, where nothing better is known. */
export const runInTurn =
  (system: System): RunAll =>
  (commands, logs) =>
    commands.map(([command, ...args], i) => {
      const done = system.process.spawnSync(command!, args, { encoding: 'utf8', maxBuffer: 2 ** 26 })
      system.fs.writeFileSync(logs[i]!, done.error?.message ?? done.stderr)
      return done.status ?? 1
    })

/** Compiles each source file to its library, or fails with what the compiler said of one of them. */
export const compileAll = (
  system: System,
  { command, flags }: Toolchain,
  jobs: readonly Job[],
  runAll: RunAll,
): E.Either<ToolchainFailure, void> => {
  const { fs, os } = system
  const commands = jobs.map(({ source, target }) => [command, ...flags, source, '-o', target, '-lm', '-pthread'])
  const logs = jobs.map(({ target }) => `${target}.log`)
  try {
    const codes = runAll(commands, logs, Math.max(1, os.availableParallelism()))
    const failed = codes.findIndex((code) => code !== 0)
    if (failed === -1) return E.right(undefined)
    const output = fs.existsSync(logs[failed]!) ? fs.readFileSync(logs[failed]!, 'utf8') : ''
    return E.left({
      _tag: 'CompilerFailed',
      command,
      output: output.trim().slice(0, 2000) || `exit code ${codes[failed]!}`,
    })
  } finally {
    for (const log of logs) fs.rmSync(log, { force: true })
  }
}

export const explainFailure = (failure: ToolchainFailure): string => {
  switch (failure._tag) {
    case 'NoCompiler':
      return `no C compiler was found (tried ${failure.tried.join(', ')}); install gcc or clang, or name one in ADJOINT_CC`
    case 'CompilerFailed':
      return `the C compiler ${failure.command} failed: ${failure.output.trim()}`
  }
}
