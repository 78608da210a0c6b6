// The site of the project: `npm run site` builds it into docs/dist.
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { nav, sidebar } from './navigation.ts'
import { repositoryLinks, reachableTables } from './pages.ts'

const pages = fileURLToPath(new URL('..', import.meta.url))
/** Where the site will stand on its server: `npm run site -- --base /adjoint/`. */
const base = process.env['ADJOINT_SITE_BASE'] ?? '/'

export default defineConfig({
  title: 'Adjoint',
  description: 'A functional autodiff framework in TypeScript, with transformer layers and GRPO',
  lang: 'en',
  base,
  outDir: '../dist',
  cacheDir: '../../node_modules/.cache/vitepress',
  srcExclude: ['apps/**', '**/README.md'],
  cleanUrls: false,
  // What is built beside the pages: TypeDoc's reference and the two programs. The test of the site follows these links too.
  ignoreDeadLinks: [/^\/(api|train|play)\//],
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}mark.svg` }]],
  markdown: {
    // The high contrast ones: in the others comments and keywords fall short of 4.5 to 1.
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config: (md) => {
      md.use(repositoryLinks, base).use(reachableTables)
    },
  },
  themeConfig: {
    logo: { src: '/mark.svg', alt: '' },
    nav: nav(pages),
    sidebar: sidebar(pages),
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    docFooter: { prev: 'Before', next: 'Next' },
    footer: {
      message: 'MIT licence. Built from the repository by npm run site; its code blocks are run by the tests.',
    },
  },
})
