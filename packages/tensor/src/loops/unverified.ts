/**
 * In place of verify.ts in a browser's bundle. What our scheduler promises is held to wherever it is worked on, which is in Node; what is
 * left to check on a page is what the page's own program can break.
 */
export { demandCountable as verifyKernel } from './limits.ts'
