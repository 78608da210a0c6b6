/**
 * A language model from nothing: a tokenizer is learnt from a text, a small Llama reads that text, and both are saved as a folder of the
 * Hugging Face hub's layout, from which `generate` and `grpo` go on with `--model`.
 * Takes 5 min.
 */
import { type CheckpointError, llama, saveModel, transformer } from '@adjoint/nn'
import { readLog, run } from '@adjoint/rl'
import { random, realize, tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Bench, deviceFailed, type JobError, main } from '../cli/example.ts'
import { common, type CommonValues, count, type FlagsOf, real, text as worded } from '../cli/flags.ts'
import { show } from '../cli/table.ts'
import { corpusOf, isThere } from './corpus.ts'
import { demandWindows, type Learning, optimizerOf, phasesOf } from './job.ts'

interface Flags extends CommonValues {
  readonly text: string | null
  readonly seed: number
  readonly vocab: number
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly context: number
  readonly batch: number
  readonly steps: number
  readonly learningRate: number
  readonly resume: boolean
}

const SHAKESPEARE = '../shared/fixtures/data/shakespeare/input.txt'

const flags: FlagsOf<Flags> = {
  text: worded('FILE', `a text file (default: ${SHAKESPEARE})`, 'a file'),
  vocab: count('tokens of the vocabulary, which is learnt from the text', 1024, { min: 257 }),
  width: count('width of the model', 128, { min: 2 }),
  layers: count('its layers', 4, { min: 1 }),
  heads: count('its heads', 4, { min: 1 }),
  kvHeads: count('its heads of keys and values', 2, { min: 1 }),
  context: count('tokens that it reads at once', 128, { min: 1 }),
  batch: count('windows of a step', 16, { min: 1 }),
  steps: count('steps', 500),
  learningRate: real('learning rate, at its highest', 1e-3, { min: 0 }),
  ...common,
}

interface Finished {
  readonly seed: number
  readonly device: string
  readonly parameters: number
  readonly tokens: number
  readonly loss: number
  readonly heldOutLoss: number
  readonly model: string
}

const job = (given: Flags, { device, folder, bar, signal }: Bench): TE.TaskEither<JobError, Finished> => {
  const { seed, vocab, width, layers, heads, kvHeads, context, batch, steps, learningRate, resume } = given
  const text = given.text ?? SHAKESPEARE
  if (width % heads !== 0 || (width / heads) % 2 !== 0 || heads % kvHeads !== 0)
    return TE.left(
      `${heads} heads do not share a width of ${width} in even parts, or ${kvHeads} heads of keys do not share ${heads} heads: choose other numbers`,
    )
  const out = join(folder, 'model')
  const log = join(folder, 'log.jsonl')
  return pipe(
    TE.Do,
    // its tokens must not be written over those of another run
    TE.tap(() =>
      TE.flatMap((there: boolean) =>
        there && !resume
          ? TE.left<JobError>(`${folder} holds a run already: go on with --resume, or choose another --out`)
          : TE.right(null),
      )(isThere(log)),
    ),
    TE.bindW('corpus', () => corpusOf({ text, model: out, folder: join(folder, 'data'), vocab, resume })),
    TE.bindW('tokens', ({ corpus }) => demandWindows(corpus, context)),
    TE.bindW('model', ({ corpus: { tokenizer } }) =>
      TE.right(
        transformer(
          llama({ vocab: tokenizer.size, width, layers, heads, kvHeads, hidden: 3 * width, context, tiedHead: true }),
        ),
      ),
    ),
    TE.bindW('start', ({ model }) => {
      const params = model.init(random.key(seed))
      const start: Learning = { params, opt: optimizerOf({ learningRate, steps }).init(params) }
      return TE.mapLeft(deviceFailed)(realize(device)(start))
    }),
    TE.bindW('last', ({ model, corpus, start }) =>
      run<Learning>({
        folder,
        seed,
        phases: phasesOf({ device, model, corpus, seed, steps, batch, learningRate }),
        checkpointEvery: 50,
        settings: {
          ...{ example: 'pretrain', text, seed, device: device.kind, vocab, width, layers, heads, kvHeads },
          ...{ context, batch, steps, learningRate },
        },
        observe: bar.observe,
        signal,
      })(start, { resume: resume && 'where begun' }),
    ),
    TE.tap(({ model, last, corpus: { tokenizer } }) =>
      TE.mapLeft((error: CheckpointError): JobError => error.message)(
        saveModel({ path: out, device, fields: { eos_token_id: tokenizer.eos[0]! } })(model, last.params),
      ),
    ),
    TE.bindW('records', () => readLog(log)),
    TE.map(({ start, tokens, records }) => {
      const at = (phase: string, metric: string): number =>
        Number(records.findLast((r) => r['kind'] === 'step' && r['phase'] === phase)?.[metric] ?? NaN)
      return {
        ...{ seed, device: device.kind, parameters: tree.size(start.params), tokens, model: out },
        loss: at('pretrain', 'loss'),
        heldOutLoss: at('held-out', 'held_out_loss'),
      }
    }),
  )
}

await main({
  name: 'pretrain',
  about:
    'A tokenizer and a small Llama from a text file, saved as a folder that `generate`, `grpo` and Transformers load.',
  flags,
  job,
  text: ({ parameters, tokens, loss, heldOutLoss, model }) =>
    `${parameters} parameters, ${tokens} tokens to learn from; loss ${show(loss, 3)} nats per token, held out ${show(heldOutLoss, 3)}\n` +
    `Go on with:  npm run -s example -- generate --model ${model} --prompt 'ROMEO:'`,
  json: (outcome) => outcome,
})
