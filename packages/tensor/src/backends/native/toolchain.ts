/** The C compiler: found once, asked what it is and which processor it compiles for, and run over source texts. */
import * as E from 'fp-ts/lib/Either.js'
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

export const findToolchain = (system: System): E.Either<ToolchainFailure, Toolchain> => {
  const tried = candidates(system)
  for (const command of tried) {
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
      return E.right({ command, version, flags, width, identity })
    }
    return E.left({ _tag: 'CompilerFailed', command, output })
  }
  return E.left({ _tag: 'NoCompiler', tried })
}

/** Compiles a source text to a library at `target`. */
export const compileTo = (
  system: System,
  { command, flags }: Toolchain,
  source: string,
  target: string,
): E.Either<ToolchainFailure, void> => {
  const done = ask(system, command, [...flags, '-x', 'c', '-', '-o', target, '-lm'], source)
  if (done.status === 0) return E.right(undefined)
  return E.left({ _tag: 'CompilerFailed', command, output: done.error?.message ?? done.stderr.slice(0, 2000) })
}

export const explainFailure = (failure: ToolchainFailure): string => {
  switch (failure._tag) {
    case 'NoCompiler':
      return `no C compiler was found (tried ${failure.tried.join(', ')}); install gcc or clang, or name one in ADJOINT_CC`
    case 'CompilerFailed':
      return `the C compiler ${failure.command} failed: ${failure.output.trim()}`
  }
}
