/** Tables as text, and numbers in them. */
import { printableLine } from '@adjoint/rl'
import Table from 'cli-table3'

const drawn = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const table = new Table({ head: [...head], style: { head: [], border: [] } })
  table.push(...rows.map((row) => [...row]))
  return table.toString()
}

/** A table for a terminal. What stands in its cells may be anybody's text. */
export const tableText = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  drawn(
    head.map(printableLine),
    rows.map((row) => row.map(printableLine)),
  )

/** What of a text stays in one line if there is room: it ends behind spaces or hyphens. */
const pieces = (text: string): readonly string[] => text.match(/[^ -]+[ -]*|[ -]+/g) ?? []

/** A text in lines of at most so many characters: cut between its pieces, and within one only where that is longer than a line. */
export const wrapped =
  (width: number) =>
  (text: string): string =>
    pieces(text)
      .flatMap((piece) =>
        piece.trimEnd().length <= width ? [piece] : (piece.match(new RegExp(`.{1,${width}}`, 'g')) ?? []),
      )
      .reduce<readonly string[]>((lines, piece) => {
        const line = `${lines.at(-1) ?? ''}${piece}`
        return lines.length > 0 && line.trimEnd().length <= width ? [...lines.slice(0, -1), line] : [...lines, piece]
      }, [])
      .map((line) => line.trimEnd())
      .join('\n')

/** A border and two spaces for each column, and a border at the end. */
const framed = (widths: readonly number[]): number => widths.reduce((sum, width) => sum + width + 3, 1)

/** Widths of columns, together as wide as there is room for: the widest give way, down to their longest pieces, and further if they must. */
const fitting = (room: number, whole: readonly number[], least: readonly number[]): readonly number[] => {
  if (framed(whole) <= room) return whole
  const spare = whole.map((width, i) => (width > least[i]! ? width : 0))
  const widest = Math.max(...spare) > 0 ? spare : whole
  const most = Math.max(...widest)
  const at = widest.indexOf(most)
  return most <= 1
    ? whole
    : fitting(
        room,
        whole.map((width, i) => (i === at ? width - 1 : width)),
        least,
      )
}

/** A table of at most so many columns of a terminal, as long as a character of each of its own fits in them: cells have several lines. */
export const narrowTable =
  (columns: number) =>
  (head: readonly string[], rows: readonly (readonly string[])[]): string => {
    const all = [head, ...rows].map((row) => row.map(printableLine))
    const widest = (of: (cell: string) => number): readonly number[] =>
      head.map((_, i) => Math.max(1, ...all.map((row) => of(row[i] ?? ''))))
    const widths = fitting(
      columns,
      widest((cell) => cell.length),
      widest((cell) => Math.max(0, ...pieces(cell).map((piece) => piece.trimEnd().length))),
    )
    const [top, ...others] = all.map((row) => row.map((cell, i) => wrapped(widths[i]!)(cell)))
    return drawn(top!, others)
  }

/** A number with so many digits after the point; `-` where there is none. */
export const show = (x: number, digits: number): string => (Number.isFinite(x) ? x.toFixed(digits) : '-')
