// The page's script: `browser/main.ts` and what it imports, as one text that needs nothing from anywhere. A package that is
// packed carries that text (`node bundle.mjs FILE` writes it); a checkout makes it when it is wanted.
import { build } from 'esbuild'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The script's text. */
export const bundle = async () => {
  // The licence of uPlot asks that its notice stays with it; those of what else is bundled ask for none.
  const license = fileURLToPath(new URL('../LICENSE', import.meta.resolve('uplot')))
  const notice = (await readFile(license, 'utf8')).trim()
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('browser/main.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    charset: 'ascii',
    loader: { '.css': 'text' },
    banner: { js: `/*! uPlot ${notice} */` },
    logLevel: 'silent',
  })
  return outputFiles[0].text
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = process.argv[2]
  await writeFile(`${path}.part`, await bundle())
  await rename(`${path}.part`, path) // whoever reads it finds all of it, or nothing
}
