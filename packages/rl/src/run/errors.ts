/** Failures of the world, as data. Everything at the edge of this package returns one of these on the left. */
import type { DeviceError } from '@adjoint/tensor'
import { shown } from '@adjoint/tensor/ir'
import { printable } from './printable.ts'

/**
 * What can end a run. Each carries enough to say what to do; {@link describeError} prints it.
 *
 * - `Interrupted`: the run was asked to stop, and has: the checkpoint holds every step before `step` of `phase`.
 * - `NonFinite`: a metric of a step is NaN or infinite; the checkpoint on disk is still the last good one.
 * - `BadLine`: a line of a data set is not what its schema says; lines count from 1.
 * - `EmptyDataset`: there is nothing to train or to evaluate on.
 * - `UnknownToken`: a text has a character that the vocabulary has no token for.
 * - `TemplateFailed`: the tokenizer's chat template refused a prompt.
 * - `SequenceTooLong`: prompt and completion do not fit the model's context.
 * - `TooFewGroups`: of the groups sampled for a step, too few were worth learning from.
 * - `RewardAbsent`: a reward failed for all completions of a batch, or left none of them with a total.
 * - `CorruptCheckpoint`: a file of the run cannot be read back; nothing of it is overwritten.
 * - `OtherSettings`: the folder's run was started with other settings, of which `name` is the first; the values are JSON.
 * - `Locked`: another process runs in the folder (or this one does); `file` is its lock.
 * - `FileFailure`: the system refused a read or a write (no space left, no permission).
 * - `SinkFailed`: what the run writes to beside its log failed; the log has all that was computed.
 * - `NoDistribution`: the policy's logits were NaN, infinite, or hid every token, so that nothing could be sampled.
 * - `DeviceFailed`: the device that runs the steps failed.
 */
export type RunError =
  | { readonly _tag: 'Interrupted'; readonly phase: string; readonly step: number }
  | {
      readonly _tag: 'NonFinite'
      readonly phase: string
      readonly step: number
      readonly metric: string
      readonly value: number
    }
  | { readonly _tag: 'BadLine'; readonly path: string; readonly line: number; readonly reason: string }
  | { readonly _tag: 'EmptyDataset'; readonly name: string }
  | { readonly _tag: 'UnknownToken'; readonly text: string; readonly position: number }
  | { readonly _tag: 'TemplateFailed'; readonly message: string }
  | { readonly _tag: 'SequenceTooLong'; readonly length: number; readonly context: number }
  | { readonly _tag: 'TooFewGroups'; readonly kept: number; readonly wanted: number; readonly sampled: number }
  | {
      readonly _tag: 'RewardAbsent'
      readonly reward: string
      /** Completions that lack it, of those of the batch. */
      readonly absent: number
      readonly of: number
      /** Why the first of them lacks it. */
      readonly cause: string
    }
  | { readonly _tag: 'CorruptCheckpoint'; readonly path: string; readonly reason: string }
  | {
      readonly _tag: 'OtherSettings'
      readonly path: string
      readonly name: string
      readonly found: string
      readonly wanted: string
    }
  | {
      readonly _tag: 'Locked'
      readonly folder: string
      readonly pid: number
      readonly host: string
      readonly file: string
    }
  | { readonly _tag: 'FileFailure'; readonly path: string; readonly code: string; readonly reason: string }
  | { readonly _tag: 'SinkFailed'; readonly sink: string; readonly reason: string }
  | { readonly _tag: 'NoDistribution'; readonly rows: readonly number[]; readonly message: string }
  | { readonly _tag: 'DeviceFailed'; readonly error: DeviceError }

/** Ended by one full stop, whoever wrote it. */
const sentence = (text: string): string => `${text.replace(/[.\s]+$/, '')}.`

const NO_RIGHT = 'This user may not write there. Nothing was changed: choose another place.'

/** What to do, by the code of the failure: that of the system, or one of those of this package. */
const adviceOn: Readonly<Record<string, string>> = {
  NoRun: 'There is no run to go on with: check the folder, or start without resuming.',
  HasRun: 'Nothing was overwritten: resume that run, or choose another folder.',
  NoFolder: 'Nothing was changed: choose another folder.',
  MissingFile: 'There is no run to go on with: check the folder, or start without resuming.',
  ENOENT: 'Check the path.',
  ENOTDIR: 'A file stands where a folder is needed. Nothing was changed: check the path.',
  EISDIR: 'A folder stands where a file is needed. Nothing was changed: check the path.',
  EACCES: NO_RIGHT,
  EPERM: NO_RIGHT,
  EROFS: NO_RIGHT,
  EEXIST: 'Nothing was overwritten: choose another place.',
  ENOSPC: 'The disk is full. Nothing was overwritten: free some space, and resume.',
  NoSpace: '',
}

/**
 * One sentence on what went wrong and what to do, without control sequences, whatever names and messages hold.
 *
 * @example
 * ```ts
 * import { describeError } from '@adjoint/rl'
 * describeError({ _tag: 'SequenceTooLong', length: 40, context: 32 })
 * ```
 */
export const describeError = (error: RunError): string => printable(words(error))

const words = (error: RunError): string => {
  switch (error._tag) {
    case 'Interrupted':
      return `stopped, as was asked, before step ${error.step} of ${error.phase}; all steps before it are saved. Resume to go on.`
    case 'NonFinite':
      return (
        `${error.phase} step ${error.step}: ${error.metric} is ${error.value}. The last checkpoint is intact; ` +
        'lower the learning rate or clip the gradient, and resume.'
      )
    case 'BadLine':
      return `${error.path}, line ${error.line}: ${sentence(error.reason)} Mend the line, or read the file with the schema of its data.`
    case 'EmptyDataset':
      return `${error.name} is empty: there is nothing to learn from. Ask for at least one example.`
    case 'UnknownToken':
      return (
        `no token for ${JSON.stringify(error.text.slice(error.position, error.position + 8))} at position ` +
        `${error.position} of ${JSON.stringify(error.text)}. Add it to the vocabulary or clean the text.`
      )
    case 'TemplateFailed':
      return `${sentence(error.message)} Choose another template, or turns that it takes.`
    case 'SequenceTooLong':
      return (
        `a sequence of ${error.length} tokens does not fit the context of ${error.context}. ` +
        'Shorten the prompt or the completion, or make a model with a longer context.'
      )
    case 'TooFewGroups':
      return (
        `of ${error.sampled} groups sampled for a step, ${error.kept} were kept, and ${error.wanted} are wanted. ` +
        'Look at the rewards (all equal? all absent?), choose problems of another difficulty, or allow more rounds.'
      )
    case 'RewardAbsent':
      return (
        `the reward ${JSON.stringify(error.reward)} is absent for ${error.absent === error.of ? 'all' : `${error.absent} of`} ` +
        `${error.of} completions of a batch${error.absent === error.of ? '' : ', and no completion has all rewards'}: ` +
        `${sentence(error.cause)} There is nothing to learn from: mend what it asks, and resume.`
      )
    case 'CorruptCheckpoint':
      return `${error.path} cannot be resumed from: ${sentence(error.reason)} It was left as it is; move it away to start anew.`
    case 'OtherSettings':
      return (
        `${error.path}: the run was started with ${error.name} = ${error.found}, and is resumed with ${error.wanted}. ` +
        'It was left as it is: resume it with its own settings, or choose another folder.'
      )
    case 'Locked':
      return (
        `${error.folder} is in use by process ${error.pid} of ${error.host}. Nothing was changed: wait for it or stop it, or ` +
        `choose another folder. If there is no such process, remove ${error.file}.`
      )
    case 'FileFailure':
      return `${error.path}: ${sentence(error.reason)} ${adviceOn[error.code] ?? 'Nothing was overwritten.'}`.trimEnd()
    case 'SinkFailed':
      return (
        `the sink ${JSON.stringify(error.sink)} failed: ${sentence(error.reason)} The log of the run has every step that was done: ` +
        'mend what the sink writes to, or leave it out, and resume.'
      )
    case 'NoDistribution':
      return error.message
    case 'DeviceFailed':
      return `the device failed: ${error.error.message}`
  }
}

/** A number as it is, anything else by its kind too: `'4'` is no 4. */
const said = (value: unknown): string => (typeof value === 'number' ? String(value) : shown(value))

/** @internal Throws RangeError for a setting below `least`, NaN and what was left out included. */
export const demandAtLeast = (op: string, least: number, settings: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(settings))
    if (!(typeof value === 'number' && value >= least))
      throw new RangeError(`${op}: ${name} is ${said(value)}. Give a number of at least ${least}.`)
}

/** @internal Throws RangeError for a setting that is no count: a whole number of at least 1. */
export const demandCounts = (op: string, settings: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(settings))
    if (!(typeof value === 'number' && Number.isInteger(value) && value >= 1))
      throw new RangeError(`${op}: ${name} is ${said(value)}. Give a whole number of at least 1.`)
}

/** @internal Throws RangeError for a setting that is no whole number of at least 0. */
export const demandWhole = (op: string, settings: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(settings))
    if (!(typeof value === 'number' && Number.isInteger(value) && value >= 0))
      throw new RangeError(`${op}: ${name} is ${said(value)}. Give a whole number of at least 0.`)
}

const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'unknown'

/** @internal The failure of a file operation on `path`, from what `node:fs` threw. */
export const fileFailure =
  (path: string) =>
  (thrown: unknown): RunError => ({
    _tag: 'FileFailure',
    path,
    code: codeOf(thrown),
    reason: thrown instanceof Error ? thrown.message : String(thrown),
  })

const WHY_NO_FOLDER: Readonly<Record<string, string>> = {
  EEXIST: 'there is a file of that name',
  ENOTDIR: 'there is a file where a folder above it would be',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'nothing can be written there',
  ENOENT: 'the system makes no folders there',
}

/** @internal The failure to make a folder, from what `node:fs` threw. */
export const folderFailure = (path: string, thrown: unknown): RunError => {
  const { reason, code } = { reason: thrown instanceof Error ? thrown.message : String(thrown), code: codeOf(thrown) }
  // A disk that is full is no fault of the folder's name.
  if (code === 'ENOSPC') return fileFailure(path)(thrown)
  return {
    _tag: 'FileFailure',
    path,
    code: 'NoFolder',
    reason: `this folder cannot be made: ${WHY_NO_FOLDER[code] ?? reason}`,
  }
}
