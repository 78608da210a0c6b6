/** What programs import as 'playground'; it runs in their worker. */
import { point } from './speak.ts'

export const plot = (chart: string, x: number, curves: Readonly<Record<string, number>>): void => {
  if (!Number.isFinite(x)) throw new RangeError(`plot: x is ${x}. Give the place on the axis, a finite number.`)
  point({ chart, x, curves })
}
