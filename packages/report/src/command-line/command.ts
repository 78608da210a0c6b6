/**
 * A command line: what was given as values, or what to answer in place of running: the usage, or what is wrong, in the same words for
 * every program. Of a mistake only itself is said: the usage would scroll it away. Node's `parseArgs` takes the line apart; which tokens are wrong is said here.
 */
import * as E from 'fp-ts/lib/Either.js'
import { parseArgs } from 'node:util'
import type { Flag, FlagsOf, Given } from './flags.ts'

/** What stands on the line beside the flags. */
export interface Words {
  /** As the usage has it: `RUNS...`. */
  readonly name: string
  readonly least: number
  readonly most: number
  /** What to say where there are too few. */
  readonly missing: string
}

export interface Command<V> {
  /** Before what is said of a mistake. */
  readonly name: string
  /** How it is called: `npm run -s bench --`. */
  readonly call: string
  readonly about: string
  readonly flags: FlagsOf<V>
  /** Left out: flags alone. */
  readonly words?: Words
  /** What is wrong with flags and words that are right each by itself; null: nothing. */
  readonly together?: (flags: V, words: readonly string[]) => string | null
  /** What stands below the list of flags. */
  readonly notes?: string
}

/** What was asked for. */
export interface Read<V> {
  readonly flags: V
  readonly words: readonly string[]
}

/** What to print in place of running: on standard output with code 0 (the usage), on standard error with code 2 (a mistake). */
export interface Answer {
  readonly code: 0 | 2
  readonly text: string
}

const kebab = (key: string): string => key.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
const entriesOf = <V>(flags: FlagsOf<V>): readonly (readonly [string, Flag<unknown>])[] => Object.entries(flags)

/** Columns of the usage, at most and at least: longer lines are hard to read, and in fewer the meanings of flags have no room. */
const [WIDTH, NARROWEST] = [100, 40]

/** Columns of this process's terminal, or those that COLUMNS names where it has none. */
const terminalColumns = (): number => {
  // Node's types have a width for every stream of output; a pipe has none.
  const columns = process.stdout.isTTY ? process.stdout.columns : Number(process.env['COLUMNS'])
  return columns > 0 ? columns : WIDTH
}

/** Lines of whole words, of at most `width` characters where the words allow it. */
const wrapped = (words: string, width: number): readonly string[] =>
  words.split(' ').reduce<string[]>((lines, word) => {
    const last = lines.at(-1)
    return last !== undefined && last.length + 1 + word.length <= width
      ? [...lines.slice(0, -1), `${last} ${word}`]
      : [...lines, word]
  }, [])

/** `text` in lines of at most `width` characters; its own ends of lines stay. */
const filled = (text: string, width: number): string =>
  text
    .split('\n')
    .flatMap((line) => wrapped(line, width))
    .join('\n')

/** The usage, in the columns of the terminal. */
export const usageOf = <V>(
  { call, about, flags, words, notes }: Command<V>,
  columns: number = terminalColumns(),
): string => {
  const width = Math.min(WIDTH, Math.max(NARROWEST, Math.floor(columns)))
  const rows = entriesOf(flags).map(
    ([key, flag]) => [`--${kebab(key)}${flag.value === null ? '' : ` ${flag.value}`}`, flag.about] as const,
  )
  const left = Math.min(28, Math.floor(width / 2), Math.max(19, ...rows.map(([flag]) => flag.length + 2)))
  const gap = `\n${' '.repeat(left + 2)}`
  const list = rows.map(([flag, meaning]) => {
    const head = flag.length + 2 > left ? `  ${flag}${gap}` : `  ${flag.padEnd(left)}`
    return `${head}${wrapped(meaning, width - left - 2).join(gap)}\n`
  })
  const called = [call, ...(words === undefined ? [] : [words.name]), '[flags]'].join(' ')
  const below = notes === undefined ? '' : `\n${filled(notes, width)}\n`
  return `usage: ${called}\n\n${filled(about, width)}\n\n${list.join('')}${below}`
}

/** Flags and words as they stand there, or the first of them that cannot be. */
const tokensOf = (
  options: Readonly<Record<string, { readonly type: 'boolean' | 'string' }>>,
  args: readonly string[],
): E.Either<string, { readonly given: Given; readonly words: readonly string[] }> => {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const given: Record<string, string | boolean | undefined> = {}
  const words: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    if (!Object.hasOwn(options, name) || !rawName.startsWith('--')) return E.left(`${rawName}: there is no such flag`)
    const takes = options[name]!.type === 'string'
    if (!takes && value !== undefined) return E.left(`${rawName} takes no value`)
    if (takes && value === undefined) return E.left(`${rawName} needs a value`)
    if (takes && inlineValue === false && /^-./.test(value))
      return E.left(`${rawName} needs a value; one that begins with - is written ${rawName}=${value}`)
    // of a flag that is given again the last counts, so that what is behind a ready-made line changes it
    given[name] = takes ? value : true
  }
  return E.right({ given, words })
}

const wordsOf = (words: readonly string[], allowed: Words | undefined): E.Either<string, readonly string[]> => {
  const extra = words[allowed?.most ?? 0]
  if (extra !== undefined) return E.left(`${extra}: not understood`)
  return allowed !== undefined && words.length < allowed.least ? E.left(allowed.missing) : E.right(words)
}

const decoded = <V>(flags: FlagsOf<V>, given: Given): E.Either<string, V> => {
  const values: Record<string, unknown> = {}
  for (const [key, flag] of entriesOf(flags)) {
    const value = flag.decode(kebab(key), given)
    if (E.isLeft(value)) return value
    values[key] = value.right
  }
  // Each field is what the flag of its name decoded to.
  return E.right(values as V)
}

/** What an argument list asks for, or what to answer. `--help` and `-h` are answered whatever else is there. */
export const readCommand =
  <V>(command: Command<V>) =>
  (args: readonly string[]): E.Either<Answer, Read<V>> => {
    const { name, call, flags, words: allowed, together } = command
    if (args.some((arg) => arg === '--help' || arg === '-h')) return E.left({ code: 0, text: usageOf(command) })
    const wrong = (reason: string): E.Either<Answer, never> =>
      E.left({ code: 2, text: `${name}: ${reason}\n${call} --help lists the flags.\n` })
    const options = Object.fromEntries(
      entriesOf(flags).map(([key, { value }]) => [
        kebab(key),
        { type: value === null ? ('boolean' as const) : ('string' as const) },
      ]),
    )
    const tokens = tokensOf(options, args)
    if (E.isLeft(tokens)) return wrong(tokens.left)
    const words = wordsOf(tokens.right.words, allowed)
    if (E.isLeft(words)) return wrong(words.left)
    const values = decoded(flags, tokens.right.given)
    if (E.isLeft(values)) return wrong(values.left)
    const mistake = together?.(values.right, words.right) ?? null
    return mistake === null ? E.right({ flags: values.right, words: words.right }) : wrong(mistake)
  }

/** Prints an answer, and gives the exit code. */
export const answer = ({ code, text }: Answer): number => {
  const stream = code === 0 ? process.stdout : process.stderr
  stream.write(text)
  return code
}

/** What this process's command line asks for; prints the answer and ends the process where it is not to run. */
export const readProcess = <V>(command: Command<V>): Read<V> => {
  const read = readCommand(command)(process.argv.slice(2))
  if (E.isRight(read)) return read.right
  process.exit(answer(read.left))
}
