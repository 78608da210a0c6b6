/**
 * A language model says something: from tokens, from a text, or in answer to one. The model is a folder of the Hugging Face hub
 * or a GGUF file, and its tokenizer lies with it.
 */
import { printable } from '@adjoint/rl'
import { main } from '../cli/example.ts'
import { flags } from './flags.ts'
import { job } from './job.ts'

await main({
  name: 'generate',
  about:
    'Generates from a model of the Hugging Face hub or a GGUF file: goes on from tokens or a text, or answers one.',
  flags,
  job: (given, { device }) =>
    job(given, device, given.json ? () => undefined : (text) => process.stdout.write(printable(text))),
  text: ({ tokens, text, noText, tokensPerSecond, ended, device }) =>
    `${text === null ? tokens.join(',') : ''}\n\n${noText === null ? '' : `No text: ${noText}\n`}${tokens.length} tokens${ended ? '' : ', cut at the most allowed'}; ` +
    `${tokensPerSecond} a second on ${device}`,
  json: (outcome) => outcome,
})
