/** The options of a select. */
import { element } from './element.ts'
import { putInOrder } from './in-order.ts'

/** Gives a select these options, by value and text; those that it has are kept, so that one that is unfolded stays so. */
export const putOptions = (
  select: HTMLSelectElement,
  options: readonly (readonly [value: string, text: string])[],
): void => {
  const known = new Map([...select.options].map((option) => [option.value, option]))
  putInOrder(
    select,
    options.map(([value, text]) => known.get(value) ?? element('option', { value }, text)),
  )
}

/** Each name as itself. */
export const named = (names: readonly string[]): readonly (readonly [string, string])[] =>
  names.map((name) => [name, name] as const)
