/** A text as the reader looks at it: what was searched for is marked, tokens have colours and say their values. */
import { short } from '../src/format.ts'
import type { ShownSample, TokenData } from '../src/page-data.ts'
import { segments } from '../src/segments.ts'
import type { Tint } from '../src/view.ts'
import { element } from './element.ts'

/** How texts are shown: what is searched for, what colours tokens, and the largest value of that on the page. */
export interface Reading {
  readonly words: readonly string[]
  readonly tint: Tint
  readonly most: number
  /** Whether each token says the value that colours it. */
  readonly told: boolean
}

/** The values that colour the tokens of a completion; null where they are not known. An advantage of the whole is that of each. */
export const tintValues = (
  tint: Tint,
  tokens: TokenData | null,
  advantage: number | null,
): readonly (number | null)[] | null => {
  if (tint === 'none' || tokens === null) return null
  if (tint === 'advantage') return tokens.advantage ?? (advantage === null ? null : tokens.texts.map(() => advantage))
  return tint === 'logp' ? tokens.logp : tokens.entropy
}

/** The most of a colour, in per cent, on which text can still be read: 4.5:1, by day and by night. */
const MOST_COLOUR = { light: 66, dark: 42 } as const

/** The background of a token: the stronger, the larger its value. */
const shadeOf = (value: number | null, { tint, most }: Reading): string => {
  const share = value === null || most === 0 ? 0 : Math.min(1, Math.abs(value) / most)
  const colour =
    tint === 'advantage' && value !== null && value > 0
      ? 'var(--good)'
      : tint === 'entropy'
        ? 'var(--c0)'
        : 'var(--bad)'
  const mix = (percent: number): string => `color-mix(in srgb, ${colour} ${Math.round(share * percent)}%, transparent)`
  return `light-dark(${mix(MOST_COLOUR.light)}, ${mix(MOST_COLOUR.dark)})`
}

const marked = (text: string, isMarked: boolean): Node =>
  isMarked ? element('mark', {}, text) : document.createTextNode(text)

/** A text with what was searched for marked. */
export const plainText = (text: string, { words }: Reading): readonly Node[] =>
  segments(text, words).map((segment) => marked(segment.text, segment.marked))

const valuesOf = ({ logp, entropy, advantage }: TokenData, i: number): string =>
  (
    [
      ['log-probability', logp],
      ['entropy', entropy],
      ['advantage', advantage],
    ] as const
  )
    .flatMap(([name, values]) => (values === null ? [] : [`${name} ${short(values[i] ?? null)}`]))
    .join(', ')

/** A completion token by token, in colours; null where its tokens are not known, or nothing is to colour them. */
export const tintedText = (sample: ShownSample, reading: Reading): HTMLElement | null => {
  const { tokens, advantage } = sample
  const values = tintValues(reading.tint, tokens, advantage)
  if (tokens === null || values === null) return null
  const parts = segments(tokens.texts.join(''), reading.words, tokens.texts)
  const box = element(
    'div',
    {
      class: reading.told ? 'text tinted told' : 'text tinted',
      ...(parts.reduce((sum, { text }) => sum + text.length, 0) > (reading.told ? 100 : 400) ? { tabindex: '0' } : {}),
    },
    element('span', {}, 'completion, token by token'),
  )
  const byToken = new Map<number, { readonly made: HTMLElement; readonly words: HTMLElement }>()
  const tokenOf = (i: number): HTMLElement => {
    const known = byToken.get(i)
    if (known !== undefined) return known.words
    const made = element('b', { title: `${JSON.stringify(tokens.texts[i])}: ${valuesOf(tokens, i)}` })
    made.style.background = shadeOf(values[i] ?? null, reading)
    // Above its value the text is one thing, marked or not.
    const words = reading.told ? element('bdi') : made
    if (words !== made) made.append(words)
    byToken.set(i, { made, words })
    box.append(made)
    // A line that ends within a token that has a value below it ends behind both.
    if (reading.told && tokens.texts[i]!.includes('\n')) box.append(element('br'))
    return words
  }
  for (const { text, token, marked: isMarked } of parts)
    if (text !== '') (token === null ? box : tokenOf(token)).append(marked(text, isMarked))
  // The token that ends a completion has no text of its own, and says something all the same.
  const last = tokens.texts.length - 1
  if (last >= 0 && tokens.texts[last] === '') tokenOf(last).append(element('i', {}, 'end'))
  if (reading.told) for (const [i, { made }] of byToken) made.append(element('small', {}, short(values[i] ?? null)))
  return box
}
