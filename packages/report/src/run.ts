/**
 * A run as it stands on disk: one stage for a plain run, several for a recipe. What cannot be read of it is a note, and
 * the rest is shown: a viewer that gives up on a torn line is of no use while a run goes on.
 */
import { decodeEvaluation, decodeSample, type Json, type LogRecord, parseRecord } from '@adjoint/rl'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { createHash } from 'node:crypto'

/** What a run was started with: the fields of the first line of its log. */
export type Settings = Readonly<Record<string, Json>>

/** One log with its times. */
export interface Stage {
  /** Folder of the stage, `2-reasoning-rl`; empty for the log that lies in the run's own folder. */
  readonly name: string
  /** Null where the log has no line of kind 'settings'. */
  readonly settings: Settings | null
  /** All lines but that of the settings, in order. */
  readonly records: readonly LogRecord[]
  /** Lines of times.jsonl, ms. */
  readonly times: readonly LogRecord[]
}

/** A run. */
export interface Run {
  /** Its folder, as short as tells it apart. */
  readonly name: string
  readonly folder: string
  /** Null where the settings name none. */
  readonly seed: number | null
  readonly stages: readonly Stage[]
  /** What is wrong with its files, one sentence each. */
  readonly notes: readonly string[]
  /** Time of the last change of its files, ms since 1970. */
  readonly changed: number
}

/** A few characters that stand for a text. */
export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)

/** What a run is known by, on every page it is on: its name says no more than tells it apart from the others there. */
export const idOf = ({ folder }: Pick<Run, 'folder'>): string => shortHash(folder)

/** The records of a log's text, and what of it are none. */
export interface ParsedLog {
  readonly records: readonly LogRecord[]
  /** Numbers, from 1, of whole lines that are no record. */
  readonly broken: readonly number[]
  /** How many values are NaN or infinite, which JSON has not; Python's loggers write them all the same, and 1e999 is read so. They are null in the records. */
  readonly notFinite: number
  /** Whether the text ends within a line: its writer was killed, or is at it. */
  readonly torn: boolean
}

/** What a line of JSON is read by: a quote, an escape, or a number, with those that JSON has not. No text is matched as a whole: it may be of any length. */
const QUOTE_OR_NUMBER = /"|\\.|-?\b(?:NaN|Infinity|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\b/g

/** What a line holds that has a number above all that are: 1e999 is JSON, and read as Infinity. */
const MAY_OVERFLOW = /[eE]\+?\d{3}|\d{200}/

/** A line with null in place of each number that is none, or infinite. */
const withoutNonFinite = (line: string): { readonly line: string; readonly count: number } => {
  let count = 0
  let quoted = false
  const mended = line.replaceAll(QUOTE_OR_NUMBER, (found) => {
    if (found === '"') quoted = !quoted
    if (quoted || /^["\\]/.test(found) || Number.isFinite(Number(found))) return found
    count++
    return 'null'
  })
  return { line: mended, count }
}

/**
 * The records of a log. Total: a line that is no record is counted, and a last line without its end is left for later.
 */
export const parseLog = (text: string): ParsedLog => {
  const lines = text.split('\n')
  const torn = lines.pop() !== ''
  const records: LogRecord[] = []
  const broken: number[] = []
  let notFinite = 0
  lines.forEach((line, i) => {
    const record = parseRecord(line)
    if (O.isSome(record) && !MAY_OVERFLOW.test(line)) {
      records.push(record.value)
      return
    }
    const mended = withoutNonFinite(line)
    const rest = mended.count === 0 ? record : parseRecord(mended.line)
    if (O.isNone(rest)) broken.push(i + 1)
    else {
      records.push(rest.value)
      notFinite += mended.count
    }
  })
  return { records, broken, notFinite, torn }
}

/** The text of a file, or what is wrong with the file, as the end of a sentence. */
export type FileText = string | { readonly wrong: string }

/** The stage of two files. */
export const stageOf = (
  name: string,
  log: FileText,
  times: FileText,
): { readonly stage: Stage; readonly notes: readonly string[] } => {
  const place = (file: string): string => (name === '' ? file : `${name}/${file}`)
  const notes: string[] = []
  const read = (file: string, text: FileText): readonly LogRecord[] => {
    if (typeof text !== 'string') {
      notes.push(`${place(file)} ${text.wrong}.`)
      return []
    }
    const { records, broken, notFinite, torn } = parseLog(text)
    if (text === '') notes.push(`${place(file)} is empty so far.`)
    if (broken.length > 0)
      notes.push(
        `${place(file)}: ${broken.length === 1 ? `line ${broken[0]!} is` : `${broken.length} lines, line ${broken[0]!} the first, are`} ` +
          'no record of a log and left out.',
      )
    if (notFinite > 0)
      notes.push(
        `${place(file)}: ${notFinite === 1 ? '1 value is' : `${notFinite} values are`} NaN or infinite, and shown as ${notFinite === 1 ? 'a gap' : 'gaps'}.`,
      )
    if (torn) notes.push(`${place(file)}: the last line is not whole; the run was cut, or is writing it.`)
    return records
  }
  const records = read('log.jsonl', log)
  notes.push(...unread(place('log.jsonl'), records))
  const first = records.find((record) => record.kind === 'settings')
  return {
    stage: {
      name,
      settings: first === undefined ? null : settingsOf(first),
      records: records.filter((record) => record.kind !== 'settings'),
      times: read('times.jsonl', times),
    },
    notes,
  }
}

/** What stands in a log of completions and evaluations and is not of the schema that is read here, one sentence a kind. */
const unread = (place: string, records: readonly LogRecord[]): readonly string[] =>
  (
    [
      ['sample', decodeSample],
      ['evaluation', decodeEvaluation],
    ] as const
  ).flatMap(([kind, decode]) => {
    const wrong = records
      .filter((record) => record.kind === kind)
      .map((record) => decode(record))
      .filter(E.isLeft)
    return wrong.length === 0
      ? []
      : [`${place}: of ${wrong.length} records of kind ${kind} the first is not shown whole: ${wrong[0]!.left}.`]
  })

const settingsOf = (line: LogRecord): Settings =>
  Object.fromEntries(Object.entries(line).filter(([name]) => name !== 'kind' && name !== 'phase' && name !== 'step'))
