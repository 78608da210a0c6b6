// The figures of the tutorials are those of their pages: `npx vitest run --config docs/vitest.config.ts --root . figures -u` draws them anew.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { renderSvg } from '@adjoint/report'
import { readAsync, setDefaultDevice, type Tensor, tensor, softmax, wasmDevice } from '@adjoint/tensor'
import { expect, test, vi } from 'vitest'
import { snippetsOfMarkdown } from './extract.ts'
import { curveOf, fallOf, imagesOf, printed, regionsOf } from './figures.ts'

const learn = fileURLToPath(new URL('site/learn', import.meta.url))
const folder = fileURLToPath(new URL('.examples', import.meta.url))

const exampleOf = (page: string) => {
  const [first] = snippetsOfMarkdown(page, readFileSync(join(learn, `${page}.md`), 'utf8'))
  if (first === undefined) throw new Error(`${page}.md has no example`)
  return first
}
/** As the examples of the pages are run. */
const wasm = wasmDevice({ threads: 1 })
const figure = (page: string): string => join(learn, 'figures', `${page}.svg`)
const drawn = async (...[spec]: Parameters<typeof renderSvg>): Promise<string> => `${await renderSvg(spec)}\n`

/** The first example of a page, run, with what `names` stand for in it. */
const run = async (
  page: string,
  code: string,
  names: readonly string[],
): Promise<Readonly<Record<string, unknown>>> => {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `figure-of-${page}.ts`)
  writeFileSync(file, `${code}\nexport { ${names.join(', ')} }\n`)
  setDefaultDevice(wasm)
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  const module = (await import(/* @vite-ignore */ file)) as Readonly<Record<string, unknown>>
  log.mockRestore()
  return module
}

test.each([
  ['gpt', 'loss', { title: 'A character GPT', y: 'nats a character' }],
  ['grpo-task', 'reward', { title: 'GRPO on the largest of six digits', y: 'mean reward', domain: [0.7, 1] }],
  ['dpo', 'margin', { title: 'DPO on pairs that the policy makes', y: 'margin of rewards' }],
  ['reward-model', 'pairs told apart', { title: 'A reward model', y: 'pairs told apart', domain: [0, 1] }],
] as const)('the curve of %s', async (page, name, texts) => {
  const points = printed(exampleOf(page).prints ?? '', name)
  await expect(await drawn(curveOf(points, texts))).toMatchFileSnapshot(figure(page))
})

test('the curve of linear-regression', async () => {
  const points = printed(exampleOf('linear-regression').prints ?? '', 'loss')
  const spec = fallOf(points, { title: 'Linear regression', y: 'mean squared error' })
  await expect(await drawn(spec)).toMatchFileSnapshot(figure('linear-regression'))
})

test('what the network of mlp says of each place', async () => {
  const page = await run('mlp', exampleOf('mlp').code, ['network', 'params', 'examPoints', 'examLabels'])
  // What the page calls by these names.
  const { network, params, examPoints, examLabels } = page as {
    readonly network: (params: unknown) => (x: Tensor) => Tensor
    readonly params: unknown
    readonly examPoints: Tensor
    readonly examLabels: Tensor
  }
  const [side, count] = [0.08, 30]
  const corner = (i: number): number => -1.2 + side * i
  const corners = Array.from({ length: count * count }, (_, i) => [corner(i % count), corner(Math.floor(i / count))])
  const middles = tensor(
    corners.flatMap(([x, y]) => [x! + side / 2, y! + side / 2]),
    [count * count, 2],
  )
  const said = await readAsync(softmax(-1)(network(params)(middles)))
  const [at, labels] = [await readAsync(examPoints), await readAsync(examLabels)]
  const rounded = (x: number): number => Math.round(1000 * x) / 1000
  const grid = corners.map(([x, y], i) => ({ x: rounded(x!), y: rounded(y!), of: rounded(said[2 * i + 1]!) }))
  const points = Array.from(labels.subarray(0, 200), (of, i) => ({
    ...{ x: rounded(at[2 * i]!), y: rounded(at[2 * i + 1]!) },
    of,
  }))
  const spec = regionsOf('Two spirals, and what the network says', grid, side, points)
  await expect(await drawn(spec)).toMatchFileSnapshot(figure('mlp'))
})

test('images of cnn', async () => {
  // Drawing stands before training.
  const [drawing = ''] = exampleOf('cnn').code.split('// Three times a convolution')
  const { images } = await run('cnn', `${drawing}\nconst [images] = drawMany(t.random.key(5), 8)`, ['images'])
  const pixels = Array.from(await readAsync(images as Tensor))
  await expect(`${imagesOf(pixels, 16, 'Eight drawn digits')}\n`).toMatchFileSnapshot(figure('cnn'))
})
