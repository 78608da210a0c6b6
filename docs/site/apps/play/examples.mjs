// The programs that the playground offers: the smallest examples of the repository as they are, and those in examples/ here. `curve` and
// `grpo` are the former with plots, which the repository's own cannot have: Node has no 'playground' to import.
import { readFile } from 'node:fs/promises'

const repository = new URL('../../../../examples/', import.meta.url)
const own = new URL('examples/', import.meta.url)

const LIST = [
  ['curve', 'Fit a curve, and plot it', new URL('curve.ts', own)],
  ['grpo', 'GRPO on a bandit, plotted', new URL('grpo.ts', own)],
  ['transformations', 'grad, vmap, hessian', new URL('transformations.ts', own)],
  ['transformer', 'A transformer learns sums', new URL('transformer.ts', own)],
  ['hello-grad', 'hello-grad, as in the repository', new URL('hello-grad/main.ts', repository)],
  ['hello-grpo', 'hello-grpo, as in the repository', new URL('hello-grpo/main.ts', repository)],
]

export const examples = () =>
  Promise.all(LIST.map(async ([name, title, file]) => ({ name, title, text: await readFile(file, 'utf8') })))
