// Test support: performs the tiny recipe in the folder named on the command line, in a process that can be killed.
import { openSource } from '@adjoint/testing/source-server'

const source = await openSource()
const { openDevice, performTiny } = await source.load(new URL('./tiny.support.ts', import.meta.url))
await performTiny(await openDevice(), process.argv[2])
await source.close()
