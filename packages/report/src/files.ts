/** What reads runs out of folders and writes files, which only Node can: `#files`, whose twin in a browser is absent.ts. */
export { reportRuns, reportRunsAsync } from './gather.ts'
export { tensorBoard } from './tensorboard/sink.ts'
