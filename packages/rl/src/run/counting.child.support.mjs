// Test support: counts in the folder named on the command line, in a process that can be killed.
import { openSource } from '@adjoint/testing/source-server'

const source = await openSource()
const { countForever } = await source.load(new URL('./counting.support.ts', import.meta.url))
await countForever(process.argv[2])
await source.close()
