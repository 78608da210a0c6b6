/** Commands side by side, through the runtime: Node can only wait for one at a time. */
import type { Library } from './library.ts'
import type { System } from './system.ts'
import { type RunAll, runInTurn } from './toolchain.ts'

export const runSideBySide = (system: System, library: Library): RunAll => {
  if (system.platform === 'win32') return runInTurn(system)
  const f = library.func('run_all', 'void', ['const char **', 'const char **', 'int', 'int', 'int', 'int *'])
  return (commands, logs, most) => {
    const argc = commands.reduce((n, words) => Math.max(n, words.length), 0)
    const words = commands.flatMap((c) => [...c, ...Array.from({ length: argc - c.length }, () => '')])
    const codes = new Int32Array(commands.length)
    f(words, logs, commands.length, argc, most, codes)
    return Array.from(codes)
  }
}
