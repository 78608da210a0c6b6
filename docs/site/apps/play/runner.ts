/** The worker of one program: its modules are those of this page, its console is the page's, and it ends with what it throws. */
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping'
import { init, parse } from 'es-module-lexer'
import { inspect } from 'loupe'
import { cut } from './kept.ts'
import type { Level, ToProgram } from './messages.ts'
import { finish, print } from './speak.ts'

const shown = (value: unknown): string => {
  if (typeof value === 'string') return value
  // loupe would write +0.
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  return inspect(value, { depth: 4, truncate: 2000, breakLength: 80 })
}
const printing =
  (level: Level) =>
  (...values: readonly unknown[]): void =>
    print(level, values.map(shown).join(' '))
Object.assign(console, {
  log: printing('log'),
  info: printing('log'),
  debug: printing('log'),
  warn: printing('warn'),
  error: printing('error'),
})

/** The code with the addresses of its modules in place of their names. Throws where it names one that is not here. */
const linked = (code: string, modules: ToProgram['modules']): string => {
  const [imports] = parse(code)
  return imports.reduceRight((text, { n: name, s: from, e: to, d: dynamic }) => {
    // An import() of something that is computed, or `import.meta`.
    if (name === undefined || dynamic === -2) return text
    const address = modules[name]
    if (address === undefined)
      throw new Error(`there is no module '${name}' here. A program may import ${Object.keys(modules).join(', ')}.`)
    return `${text.slice(0, from)}${dynamic > -1 ? `'${address}'` : address}${text.slice(to)}`
  }, code)
}

/** Lines of the program that an error passed through, as they were written, from where it was thrown outwards. */
const linesOf = (stack: string, address: string, map: TraceMap): readonly number[] => {
  const frames = stack.split(`${address}:`).slice(1)
  const lines = frames.flatMap((frame) => {
    const [, line, column] = /^(\d+):(\d+)/.exec(frame) ?? []
    if (line === undefined || column === undefined) return []
    // Addresses of modules stand in place of their names: columns may be moved, lines are not.
    const at = originalPositionFor(map, { line: Number(line), column: Number(column) - 1 })
    return at.line === null ? [] : [at.line]
  })
  return lines.filter((line, i) => line !== lines[i - 1])
}

/** Lines of a stack that are shown. */
const DEPTH = 8

const textOf = (error: unknown, address: string, map: TraceMap): string => {
  if (!(error instanceof Error)) return cut(shown(error))
  const lines = linesOf(error.stack ?? '', address, map).slice(0, DEPTH)
  return [cut(`${error.name}: ${error.message}`), ...lines.map((line) => `    at line ${line}`)].join('\n')
}

self.addEventListener('message', ({ data: { code, map, modules } }: MessageEvent<ToProgram>) => {
  const run = async (): Promise<void> => {
    let address = ''
    const written = new TraceMap(map)
    const failed = (error: unknown): void => finish({ type: 'threw', text: textOf(error, address, written) })
    self.addEventListener('unhandledrejection', (event) => {
      event.preventDefault()
      failed(event.reason)
    })
    self.addEventListener('error', (event) => {
      event.preventDefault()
      failed(event.error)
    })
    try {
      await init
      address = URL.createObjectURL(new Blob([linked(code, modules)], { type: 'text/javascript' }))
      const began = performance.now()
      await import(address)
      finish({ type: 'ended', milliseconds: performance.now() - began })
    } catch (error) {
      failed(error)
    }
  }
  void run()
})
