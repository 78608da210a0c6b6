import { expect, test } from 'vitest'
import { goOnWith } from './example.ts'

test.each([
  [[], 'npm run -s example -- r1 --resume --out runs/a'],
  [['--seed', '1', '--resume', '--out', 'b c'], "npm run -s example -- r1 --seed 1 --resume --out 'b c'"],
  [['--out=b'], 'npm run -s example -- r1 --out=b --resume'],
])('what goes on with %j', (args, command) => {
  expect(goOnWith('r1', args, 'runs/a')).toBe(command)
})
