/** Estimates from n sampled answers to one problem: pass@k and cons@k (DeepSeek-R1 section 3, "Evaluation setup"). */

/**
 * The chance that at least one of k answers, drawn without replacement from n of which c are right, is right:
 * `1 - C(n - c, k) / C(n, k)` (Chen et al. 2021, "Evaluating large language models trained on code", eq. 1). The
 * quotient of binomials is a product of k quotients, so nothing overflows. k = 1 is the mean accuracy, c / n.
 *
 * Throws RangeError unless these are whole numbers, 0 <= c <= n and 1 <= k <= n.
 *
 * @example
 * ```ts
 * import { passAtK } from '@adjoint/rl'
 * passAtK(8, 3, 4) // 0.92857
 * ```
 */
export const passAtK = (n: number, c: number, k: number): number => {
  if (![n, c, k].every(Number.isInteger) || !(c >= 0 && c <= n && k >= 1 && k <= n)) {
    throw new RangeError(
      `passAtK(${n}, ${c}, ${k}): needs whole numbers, 0 <= c <= n and 1 <= k <= n. Draw more answers, or lower k.`,
    )
  }
  // C(n - c, k) / C(n, k) = prod over i < k of (n - c - i) / (n - i)
  let allWrong = 1
  for (let i = 0; i < k; i++) allWrong *= Math.max(0, n - c - i) / (n - i)
  return 1 - allWrong
}

/**
 * Whether the majority answer is right: cons@k over the k given answers, null where a completion has none.
 *
 * Ties: the m answers with the most votes are each chosen with chance 1/m, and the result is the chance of a right one,
 * so it depends on the answers but not on their order. Completions without an answer do not vote; no votes at all give 0.
 *
 * @example
 * ```ts
 * import { consAtK } from '@adjoint/rl'
 * consAtK((a) => a === '5')(['5', '5', '7', null]) // 1
 * consAtK((a) => a === '5')(['5', '7']) // 0.5
 * ```
 */
export const consAtK =
  (right: (answer: string) => boolean) =>
  (answers: readonly (string | null)[]): number => {
    const votes = new Map<string, number>()
    for (const answer of answers) if (answer !== null) votes.set(answer, (votes.get(answer) ?? 0) + 1)
    let most = 0
    for (const n of votes.values()) most = Math.max(most, n)
    const chosen = [...votes].filter(([, n]) => n === most)
    return chosen.length === 0 ? 0 : chosen.filter(([answer]) => right(answer)).length / chosen.length
  }
