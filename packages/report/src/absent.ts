/** In place of files.ts where there is no Node. Charts and pages need nothing of it; what reads runs does, and says so where it is used. */
import type * as files from './files.ts'

const absent = (name: string) => (): never => {
  throw new Error(
    `${name} needs files, which only Node has. A page draws charts of what it has: renderSvg(lineChart(..)), pageHtml.`,
  )
}

export const reportRuns: typeof files.reportRuns = absent('reportRuns')
export const reportRunsAsync: typeof files.reportRunsAsync = absent('reportRunsAsync')
export const tensorBoard: typeof files.tensorBoard = absent('tensorBoard')
