/**
 * What compilers said of themselves, kept in the store: asking takes longer than all else at a process's start. An answer counts
 * for the compiler's file as it is (its path behind all links, size and time) and the processor with its features, which
 * the same folder may see several of.
 */
import type { Store } from '../engine/store.ts'
import type { System } from './system.ts'
import type { Answers, Toolchain } from './toolchain.ts'

/** The file that a command runs; null where there is none that is plainly it. */
const fileOf = ({ environment, fs, path }: System, command: string): string | null => {
  const folders = command.includes(path.sep) ? [''] : (environment['PATH'] ?? '').split(path.delimiter)
  for (const folder of folders) {
    const file = folder === '' ? command : path.join(folder, command)
    try {
      fs.accessSync(file, fs.constants.X_OK)
      return fs.realpathSync(file)
    } catch {
      continue
    }
  }
  return null
}

/** A script runs a compiler that its own file does not tell of. */
const isScript = ({ fs }: System, file: string): boolean => {
  const head = new Uint8Array(2)
  const open = fs.openSync(file, 'r')
  try {
    fs.readSync(open, head)
  } finally {
    fs.closeSync(open)
  }
  return head[0] === 0x23 && head[1] === 0x21
}

/** The processor's name and, where the system tells, its features. */
const processorOf = ({ fs, os }: System): string => {
  const name = os.cpus()[0]?.model ?? os.arch()
  try {
    const [features] = /^(flags|Features)\s*:.*$/m.exec(fs.readFileSync('/proc/cpuinfo', 'utf8')) ?? ['']
    return `${name}\n${features}`
  } catch {
    return name // no such file: another system than Linux
  }
}

const isToolchain = (x: unknown): x is Toolchain => {
  if (typeof x !== 'object' || x === null) return false
  const { command, version, identity, width, flags } = x as Readonly<Record<string, unknown>>
  const words: readonly unknown[] = Array.isArray(flags) ? flags : [null]
  const texts = [command, version, identity, ...words]
  return texts.every((text) => typeof text === 'string') && Number.isInteger(width)
}

/** `asked`: what is asked and with which flags, so that other questions have other answers. */
export const answersIn = (system: System, store: Store, asked: string): Answers => {
  const { crypto, fs } = system
  const keyOf = (command: string): string | null => {
    try {
      const file = fileOf(system, command)
      if (file === null || isScript(system, file)) return null
      const { size, mtimeMs } = fs.statSync(file)
      const about = JSON.stringify([asked, command, file, size, mtimeMs, processorOf(system)])
      return crypto.createHash('sha256').update(about).digest('hex')
    } catch {
      return null // a file that cannot be read; the compiler itself says more of it
    }
  }
  return {
    recall: (command) => {
      const key = keyOf(command)
      const entry = key === null ? undefined : store.find([key]).get(key)
      if (entry === undefined) return null
      try {
        const answer: unknown = JSON.parse(fs.readFileSync(entry.path, 'utf8'))
        if (isToolchain(answer)) return answer
      } catch {
        // not what was written, though whole: as below
      }
      store.drop(entry)
      return null
    },
    remember: (toolchain) => {
      const key = keyOf(toolchain.command)
      if (key === null) return
      const draft = store.draft('.json')
      fs.writeFileSync(draft, JSON.stringify(toolchain))
      store.keep([key], draft)
    },
  }
}
