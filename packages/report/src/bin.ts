#!/usr/bin/env node
/** The command of the package. */
import { PACKAGED } from './flags.ts'
import { reportHere } from './process.ts'

await reportHere(PACKAGED)
