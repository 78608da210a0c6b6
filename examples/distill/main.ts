/**
 * The last chapter of R1 with real architectures: a model that GRPO has made better teaches a small Llama and a small Qwen3. Those of its
 * traces that are right are what they learn from, in a vocabulary trimmed to what the task uses; beside them the same students, from the
 * same weights, by RL alone.
 * Takes 20 min.
 */
import { reportRuns } from '@adjoint/report'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { accuracyChart } from '../cli/accuracy.ts'
import { main } from '../cli/example.ts'
import { show, tableText } from '../cli/table.ts'
import type { Row } from './examined.ts'
import { flags } from './flags.ts'
import { type Finished, job, STUDENTS } from './job.ts'

const HEAD = ['', 'parameters', 'pass@1', '95 %', 'cons@8', 'pass@8', 'mean length'] as const
const cells = ({ model, parameters, passAt1, interval, consAt8, passAt8, meanLength }: Row): readonly string[] => [
  ...[model, String(parameters), show(passAt1, 3), interval.map((x) => show(x, 3)).join(' to ')],
  ...[show(consAt8, 3), show(passAt8, 3), show(meanLength, 1)],
]

/** What was kept of what, and the vocabulary, in two sentences. */
const words = ({ traces, vocabulary }: Finished): string =>
  `Of ${traces.tried} completions to ${traces.problems} problems ${traces.kept} were kept, to ${traces.solved} of them; ` +
  `${traces.wrong} were wrong, ${traces.cut} cut, ${traces.duplicate} there already. ` +
  `The vocabulary went from ${vocabulary.teacher} tokens to ${vocabulary.students}.`

const draw = accuracyChart({ title: 'Students on held-out sums', x: 'step' })

await main({
  name: 'distill',
  about:
    "A published model's right answers distilled into a small Llama and a small Qwen3, beside the same students by RL alone;\n" +
    'writes a log each, accuracy.svg, report.html, and the students as folders of the Hugging Face layout.',
  flags,
  job: (given, bench) =>
    pipe(
      job(given, bench),
      TE.bindTo('finished'),
      TE.let('chart', () => join(bench.folder, 'accuracy.svg')),
      TE.tap(({ chart }) => draw(chart, bench.folder, STUDENTS)),
      TE.bindW('report', ({ finished }) =>
        reportRuns(bench.folder, {
          title: `Distillation into small models, seed ${finished.seed}`,
          lead: [
            words(finished),
            ...finished.table.map((row) => {
              const [model, parameters, passAt1, between] = cells(row)
              return `${model!} (${parameters!} parameters): pass@1 ${passAt1!}, ${between!}.`
            }),
          ],
        }),
      ),
    ),
  text: ({ finished, report }) =>
    `${tableText(HEAD, finished.table.map(cells))}\n${words(finished)}\n${finished.device}, ${finished.seconds} s; ${report}`,
  json: ({ finished }) => finished,
})
