// Test support: writes to the standard error of its process, by what leaves Dawn's lines out, and then returns, throws or is killed;
// with `no-spawn` and `no-koffi` where no process can be started, or no library loaded; with `worker` in a thread. Or, with `look`, looks
// for an adapter and prints its label. `no-spawn` prints how many file descriptors it left open as well.
import childProcess from 'node:child_process'
import { readdirSync, writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { Worker } from 'node:worker_threads'
import koffi from 'koffi'
import { openSource } from '@adjoint/testing/source-server'

const source = await openSource()
const load = (name) => source.load(new URL(name, import.meta.url))
const [how, text] = process.argv.slice(2)

if (how === 'look') {
  const { probeWebgpu } = await load('./open.ts')
  process.stdout.write(`${(await probeWebgpu()).label}\n`, () => process.exit())
} else if (how === 'worker') {
  await source.close()
  new Worker(new URL(import.meta.url), { argv: ['return', text] })
} else {
  const refused = () => {
    throw new Error('refused')
  }
  if (how === 'no-koffi') koffi.load = refused
  const { hearing } = await load('./dawn-stderr.ts')
  const looking = await hearing()
  if (how === 'no-spawn') {
    childProcess.spawn = refused
    syncBuiltinESMExports()
  }
  const open = () => readdirSync('/proc/self/fd').length
  const before = open()
  const given = looking(() => {
    writeSync(2, text)
    if (how === 'die') process.kill(process.pid, 'SIGKILL')
    if (how === 'throw') throw new Error('thrown inside')
    return 7
  })
  if (how === 'no-spawn') writeSync(1, `${open() - before} left open\n`)
  writeSync(1, `${given}\n`)
  await source.close()
}
