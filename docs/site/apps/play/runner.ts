/** The worker of one program: its modules are those of this page, its console is the page's, and it ends with what it throws. */
import { init, parse } from 'es-module-lexer'
import { inspect } from 'loupe'
import type { Level, ToProgram } from './messages.ts'
import { finish, speak } from './speak.ts'

const shown = (value: unknown): string =>
  typeof value === 'string' ? value : inspect(value, { depth: 4, truncate: 2000, breakLength: 80 })
const printing =
  (level: Level) =>
  (...values: readonly unknown[]): void =>
    speak({ type: 'print', level, text: values.map(shown).join(' ') })
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

const textOf = (error: unknown, address: string): string => {
  if (!(error instanceof Error)) return shown(error)
  const [at] = (error.stack ?? '').split(address).slice(1)
  const line = /^:(\d+)/.exec(at ?? '')?.[1]
  return `${error.name}: ${error.message}${line === undefined ? '' : `\n    at line ${line} of the compiled program`}`
}

self.addEventListener('message', ({ data: { code, modules } }: MessageEvent<ToProgram>) => {
  const run = async (): Promise<void> => {
    let address = ''
    const failed = (error: unknown): void => finish({ type: 'threw', text: textOf(error, address) })
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
