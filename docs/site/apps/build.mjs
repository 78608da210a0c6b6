// node docs/site/apps/build.mjs OUTDIR: the two pages that run Adjoint in the reader's tab, as static files in OUTDIR/train and OUTDIR/play.
// Every address in them is relative, and nothing comes from elsewhere.
import { build } from 'esbuild'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { examples } from './play/examples.mjs'
import { declarations } from './play/declarations.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))

const shared = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
  conditions: ['@adjoint/source', 'browser'],
  loader: { '.ttf': 'file' },
}

/** The page of a folder: its HTML as it is, and its modules, which share what they have in common. */
const page = async (name, outdir, entryPoints) => {
  const folder = join(outdir, name)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await cp(join(here, name, 'index.html'), join(folder, 'index.html'))
  await build({
    ...shared,
    absWorkingDir: here,
    entryPoints,
    outdir: folder,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    assetNames: 'assets/[name]-[hash]',
  })
  return folder
}

export const train = (outdir) =>
  page('train', outdir, { main: 'train/main.ts', style: 'train/main.css', worker: 'train/worker.ts' })

export const play = async (outdir) => {
  const folder = await page('play', outdir, {
    main: 'play/main.ts',
    style: 'play/main.css',
    runner: 'play/runner.ts',
    'editor.worker': 'monaco-editor/editor/editor.worker',
    'ts.worker': 'monaco-editor/language/typescript/ts.worker',
    // What programs import.
    'lib/adjoint': 'adjoint',
    'lib/adjoint-nn': 'adjoint/nn',
    'lib/adjoint-rl': 'adjoint/rl',
    'lib/tensor': '@adjoint/tensor',
    'lib/ir': '@adjoint/tensor/ir',
    'lib/primitives': '@adjoint/tensor/primitives',
    'lib/autograd': '@adjoint/autograd',
    'lib/nn': '@adjoint/nn',
    'lib/rl': '@adjoint/rl',
    'lib/playground': 'play/playground.ts',
  })
  await writeFile(join(folder, 'types.json'), JSON.stringify(declarations()))
  await writeFile(join(folder, 'examples.json'), JSON.stringify(await examples()))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { readProcess, help } = await import('../../../scripts/command-line.mjs')
  const [outdir] = readProcess({
    name: 'apps',
    call: 'node docs/site/apps/build.mjs',
    about: 'Builds /train and /play into OUTDIR.',
    words: { name: 'OUTDIR', least: 1, most: 1, missing: 'name the folder OUTDIR' },
    flags: { help },
  }).words
  await train(outdir)
  await play(outdir)
}
