/**
 * Adds a point to a chart of the page, one value for each of its curves. Charts and curves are made as they are named.
 *
 * @example
 * ```ts
 * plot('loss', step, { train: 0.3, test: 0.4 })
 * ```
 */
export declare const plot: (chart: string, x: number, curves: Readonly<Record<string, number>>) => void
