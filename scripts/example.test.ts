import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const example = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/example.mjs', ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('without a name, or with a wrong one, all examples are listed with what they are, in 80 columns', () => {
  const { status, stderr } = example('nonsense')
  expect(status).toBe(2)
  expect(stderr).toContain("no example is named 'nonsense'")
  const listed = stderr.split('\n').filter((line) => line.startsWith('  '))
  expect(listed.length).toBeGreaterThan(10)
  for (const line of listed) expect(line).toMatch(/^ {2}[\w-]+ {2,}\S.{8,}$/)
  expect(Math.max(...listed.map((line) => line.length))).toBeLessThanOrEqual(80)
  const folders = readdirSync('examples', { recursive: true, encoding: 'utf8' })
  expect(listed.length).toBe(
    folders.filter((path) => /^[\w-]+[/\\]main\.ts$/.test(path) && !path.startsWith('dist')).length,
  )
})

describe('an example without flags', () => {
  test('says so', () => {
    expect(example('hello-grad', '--seed', '1')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('hello-grad has no flags, and was given --seed 1') as string,
    })
  })

  test('has help', () => {
    expect(example('hello-grad', '--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Fits y = sin(3x)') as string,
      stderr: '',
    })
  })
})
