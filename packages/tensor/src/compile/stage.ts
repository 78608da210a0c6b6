/** Runs a stage of scheduling; what times them wraps it. */
export type Stage = <T>(name: string, run: () => T) => T
