// node .ci/count.mjs FOLDER STEPS: adds up vitest's JSON reports in a folder, prints `N passed, N failed` and, where some
// were, `, N skipped`. STEPS is the number of steps that failed: one that failed without a failing test counts as well.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder, failedSteps] = process.argv.slice(2)
const reports = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
const total = (field) => reports.reduce((sum, report) => sum + report[field], 0)

// A suite that failed to load holds no test, yet it is a failure.
const broken = reports
  .flatMap((report) => report.testResults)
  .filter(
    (suite) => suite.status === 'failed' && suite.assertionResults.every((test) => test.status !== 'failed'),
  ).length
const skipped = total('numPendingTests') + total('numTodoTests')

const failed = Math.max(total('numFailedTests') + broken, Number(failedSteps))

console.log(`${total('numPassedTests')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
