/** What r1-mini says of its run, beside what the viewer reads out of its logs: the table on the terminal, and the claim. */
import type { About } from '@adjoint/report'
import { show } from '../cli/table.ts'
import type { Control } from '../cli/controls.ts'
import type { Figures, Outcome } from './outcome.ts'

/** The rows of the table at the end: name, pass@1, cons@16, share that thinks, mean length. */
export const tableOf = (outcome: Outcome): readonly (readonly string[])[] =>
  (
    [
      ['after SFT', outcome.sft],
      ['after GRPO', outcome.grpo],
    ] as readonly (readonly [string, Figures])[]
  ).map(([name, f]) => [name, show(f.passAt1, 3), show(f.consAt16, 3), show(f.thinkRate, 3), show(f.meanLength, 2)])
export const TABLE_HEAD = ['', 'pass@1', 'cons@16', 'thinks', 'mean length'] as const

/** The words of report.html. */
export const aboutOf = (outcome: Outcome, control: Control | null): About => ({
  title: `r1-mini, seed ${outcome.seed}${control === null ? '' : `, control: ${control} rewards`}`,
  lead: [
    `A transformer of ${outcome.params} parameters, from random weights, on mod-10 chains; ${outcome.device}, ` +
      `${outcome.seconds} s. RL amplifies what the cold start made possible.`,
    'The two curves of the R1 paper are the accuracy and the mean length under "grpo".',
  ],
})
