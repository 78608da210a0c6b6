/** Tables as text, and numbers in them. */
import { printableLine } from '@adjoint/rl'
import Table from 'cli-table3'

/** A table for a terminal. What stands in its cells may be anybody's text. */
export const tableText = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const table = new Table({ head: head.map(printableLine), style: { head: [], border: [] } })
  table.push(...rows.map((row) => row.map(printableLine)))
  return table.toString()
}

/** A number with so many digits after the point; `-` where there is none. */
export const show = (x: number, digits: number): string => (Number.isFinite(x) ? x.toFixed(digits) : '-')
