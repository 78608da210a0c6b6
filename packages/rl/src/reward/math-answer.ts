/** Where in a text of mathematics its final answer stands. */

/** The content of a brace group that opens at `open`, and where it ends; null where it does not. */
const braced = (text: string, open: number): { readonly content: string; readonly end: number } | null => {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return { content: text.slice(open + 1, i), end: i + 1 }
  }
  return null
}

interface Span {
  readonly content: string
  readonly from: number
  readonly end: number
}

const boxes = (text: string): readonly Span[] =>
  Array.from(text.matchAll(/\\(?:boxed|fbox)\s*(?=\{)/g)).flatMap((match) => {
    const group = braced(text, match.index + match[0].length)
    return group === null ? [] : [{ content: group.content, from: match.index, end: group.end }]
  })

const FORMULA = /\$\$([\s\S]+?)\$\$|(?<!\\)\$((?:\\.|[^$\\\n])+)\$|\\\(([^\n]+?)\\\)|\\\[([\s\S]+?)\\\]/g

const formulas = (text: string): readonly Span[] =>
  Array.from(text.matchAll(FORMULA)).map((match) => ({
    content: match.slice(1).find(Boolean) ?? '',
    from: match.index,
    end: match.index + match[0].length,
  }))

/** What may stand between two parts of one answer. */
const JOINT =
  /^(?:[\s,;$]|\\[()[\],;! ]|\\q?quad|\\text\s*\{\s*(?:and|or)\s*\})*(?:and|or)?(?:[\s,;$]|\\[()[\],;! ]|[a-zA-Z]_\d\s*=)*$/

/** The last of the spans, and those before it that nothing but a comma or an `and` sets apart, as one list. */
const lastJoined = (text: string, spans: readonly Span[]): string => {
  let first = spans.length - 1
  while (first > 0 && JOINT.test(text.slice(spans[first - 1]!.end, spans[first]!.from))) first--
  return spans
    .slice(first)
    .map((s) => s.content)
    .join(' , ')
}

const NUMERAL = /[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:\s*\/\s*\d+)?|[-+]?\.\d+/g

/**
 * The part of a text that is its answer: the last `\boxed{..}` (with those right before it: `\boxed{1} and \boxed{2}`);
 * else what follows the last `the final answer is` or else the whole text, and there the last formula (`$..$`, `\(..\)`,
 * `\[..\]`); a text of prose its last number; and a text that is nothing but an answer, itself.
 *
 * @example
 * ```ts
 * import { mathAnswer } from '@adjoint/rl'
 * mathAnswer('As $7^2 = 49$, the root is $\\boxed{7}$.') // '7'
 * ```
 */
export const mathAnswer = (text: string): string => {
  const boxed = boxes(text)
  if (boxed.length > 0) return lastJoined(text, boxed)
  const said = [...text.matchAll(/(?:final answer is|answer is|answer:)\s*:?/gi)].at(-1)
  const rest = said === undefined ? text : text.slice(said.index + said[0].length)
  const formula = formulas(rest)
  const after = rest.slice(formula.at(-1)?.end ?? 0).match(NUMERAL)
  if (formula.length > 0 && after !== null) return after.at(-1)!
  if (formula.length > 0) return lastJoined(rest, formula)
  const prose = /\b(?!(?:and|or)\b)[a-zA-Z]{2,}\s+\S/.test(rest.replaceAll(/\\[a-zA-Z]+(?:\s*\{[^{}]*\})?/g, ' '))
  return (prose || said !== undefined ? rest.match(NUMERAL)?.at(-1) : undefined) ?? rest.trim()
}
