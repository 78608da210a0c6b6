/** Tables as comma-separated values (RFC 4180). Runs in the page. */

/** A cell: what is absent is empty. */
export type Cell = string | number | null

const cellText = (cell: Cell): string => {
  const text = cell === null ? '' : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Rows as text, a line each. */
export const csvOf = (rows: readonly (readonly Cell[])[]): string =>
  rows.map((row) => `${row.map(cellText).join(',')}\r\n`).join('')
