import { describe, expect, test } from 'vitest'
import { snippetsOfMarkdown, snippetsOfSource } from './extract.ts'

const source = `import { y } from './y.ts'
const notDocumentation = '\`\`\`ts'

/**
 * Twice.
 *
 * @example
 * \`\`\`ts
 * const x = 1
 *
 *   const indented = x
 * \`\`\`
 * \`\`\`text
 * 2
 * \`\`\`
 */
export const twice = y
`

describe('extract', () => {
  test('a docstring gives its code without the stars, the line it stands on, and what it prints', () => {
    expect(snippetsOfSource('a.ts', source)).toEqual([
      { site: 'a.ts:9', code: 'const x = 1\n\n  const indented = x\n', prints: '2\n' },
    ])
  })

  test('code outside docstrings is no example', () => {
    expect(snippetsOfSource('a.ts', '// ```ts\nconst x = 1\n// ```\n')).toEqual([])
  })

  test('every fence of a page is an example, other languages are not', () => {
    const page = '# A\n```ts\nlet a\n```\n```bash\nls\n```\n```ts\nlet b\n```\n\n```text\nb\n```\n'
    const found = snippetsOfMarkdown('a.md', page)
    expect(found.map(({ site, prints }) => [site, prints])).toEqual([
      ['a.md:3', null],
      ['a.md:9', 'b\n'],
    ])
  })
})
