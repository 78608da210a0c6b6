// Adds up the JSON reports of vitest in a folder: `N passed, N failed`, with `, N skipped` where some were.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder] = process.argv.slice(2)
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

console.log(
  `${total('numPassedTests')} passed, ${total('numFailedTests') + broken} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
)
