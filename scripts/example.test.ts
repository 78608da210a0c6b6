import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const example = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/example.mjs', ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

const names = readdirSync('examples', { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join('examples', entry.name, 'main.ts')))
  .map(({ name }) => name)

describe('the list of the examples', () => {
  const { status, stdout, stderr } = example('--help')
  const listed = stdout.split('\n').filter((line) => line.startsWith('  '))

  test('has each with its time and what it is, in 80 columns', () => {
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(listed.map((line) => line.trim().split(' ')[0])).toEqual([...names].sort())
    for (const line of listed) expect(line).toMatch(/^ {2}([\w-]+ {2,}[\d.]+ (s|min)|generate +varies) {2}\S[^…]{8,}$/)
    expect(Math.max(...listed.map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  test('stands above what is wrong, without a name and with a wrong one', () => {
    for (const [given, words] of [
      [[], 'example: name one\n'],
      [['nonsense'], "example: no example is named 'nonsense'\n"],
    ] as const) {
      const answered = example(...given)
      expect(answered).toMatchObject({ status: 2, stdout: '' })
      expect(answered.stderr).toBe(`${stdout}\n${words}`)
    }
  })
})

/** A flag that there is not, in place of each program's own; what is said of it, and where the usage is. */
const complaint = (name: string) =>
  new RegExp(`^${name}: --nonsense: there is no such flag\n\\S.* --help lists the flags\\.\n$`)

test.each(names)('%s has help, and says of a wrong flag what the others say', (name) => {
  const help = example(name, '--help')
  expect(help).toMatchObject({ status: 0, stderr: '' })
  expect(help.stdout).toMatch(new RegExp(`^usage: npm run -s example -- ${name} \\[flags\\]\n\n\\S`))
  expect(help.stdout).toMatch(/^ {2}--device KIND +native, wasm, webgpu, reference or cpu/m)
  const wrong = example(name, '--nonsense')
  expect(wrong).toMatchObject({ status: 2, stdout: '' })
  expect(wrong.stderr).toMatch(complaint(name))
})

test.each([
  ['bench', 'bench.mjs'],
  ['bench:peers', 'bench-peers.mjs'],
  ['flat', 'flat.mjs'],
  ['report', 'report.mjs'],
  ['site', 'site.mjs'],
  ['release', 'release.mjs'],
  ['figure', 'figure.mjs'],
])('%s reads its flags as the examples do', (name, script) => {
  const run = (flag: string) => spawnSync(process.execPath, [join('scripts', script), flag], { encoding: 'utf8' })
  expect(run('--help')).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^usage: /) as string })
  const wrong = run('--nonsense')
  expect(wrong).toMatchObject({ status: 2, stdout: '' })
  expect(wrong.stderr).toMatch(complaint(name))
})

test('an example without flags of its own runs on the device that is asked for', () => {
  expect(example('hello-grad', '--device', 'cpu')).toMatchObject({ status: 0, stderr: '' })
  expect(example('hello-grad', '--device', 'toaster').stderr).toContain(
    'hello-grad: --device toaster: choose native or wasm or webgpu or reference or cpu\n',
  )
})
