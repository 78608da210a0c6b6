/** What the stages of scheduling throw where one broke its contract. */

/** A stage broke its contract: a fault of the framework, never of the program it was given. */
export class StageError extends Error {
  override readonly name = 'StageError'
  constructor(stage: string, what: string) {
    super(`after ${stage}: ${what}. This is a fault of the framework; please report the program that shows it.`)
  }
}
