/** The options of a select. */
import { element, write } from './element.ts'
import { putInOrder } from './in-order.ts'

export type Options = readonly (readonly [value: string, text: string])[]

/** Gives a select these options, by value and text; those that it has are kept, so that one that is unfolded stays so. */
export const putOptions = (select: HTMLSelectElement, options: Options): void => {
  const known = new Map([...select.options].map((option) => [option.value, option]))
  putInOrder(
    select,
    options.map(([value, text]) => {
      const option = known.get(value) ?? element('option', { value })
      write(option, text)
      return option
    }),
  )
}

/** Each name as itself. */
export const named = (names: readonly string[]): Options => names.map((name) => [name, name] as const)
