import { existsSync, readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodePreferences, pairOfDialogue } from './dialogue.ts'

const say = (from: string, value: unknown) => ({ from, value })
const row = {
  conversations: [say('system', 'Be brief.'), say('human', 'Hi'), say('gpt', 'Hello!'), say('human', 'Who are you?')],
  chosen: say('gpt', 'A model.'),
  rejected: say('gpt', ''),
}
const wrong = (value: unknown): unknown => E.swap(decodePreferences(value))

describe('preferences in the ranking format of LLaMA-Factory', () => {
  test('are dialogues with two replies', () => {
    const decoded = decodePreferences([row])
    expect(decoded).toEqual(
      E.right([
        {
          turns: [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: 'Hi' },
            { role: 'assistant', content: 'Hello!' },
            { role: 'user', content: 'Who are you?' },
          ],
          chosen: 'A model.',
          rejected: '',
        },
      ]),
    )
    expect(decodePreferences([])).toEqual(E.right([]))
    const render = pairOfDialogue((turns) => turns.map(({ role, content }) => `${role}: ${content}\n`).join(''))
    expect(E.map(render)(E.map((all: readonly Parameters<typeof render>[0][]) => all[0]!)(decoded))).toEqual(
      E.right({
        prompt: 'system: Be brief.\nuser: Hi\nassistant: Hello!\nuser: Who are you?\n',
        chosen: 'A model.',
        rejected: '',
      }),
    )
  })

  test('that are something else are refused, with the place and what belongs there', () => {
    const at = (path: string, expected: string) => E.right({ _tag: 'MalformedPreferences', path, expected })
    expect(wrong({})).toEqual(at('the data', 'a list'))
    expect(wrong([row, null])).toEqual(at('[1]', 'an object'))
    expect(wrong([[]])).toEqual(at('[0]', 'an object'))
    expect(wrong([{ ...row, conversations: 'Hi' }])).toEqual(at('[0].conversations', 'a list'))
    expect(wrong([{ ...row, conversations: [say('bot', 'Hi')] }])).toEqual(
      at('[0].conversations[0].from', 'one of system, human, gpt'),
    )
    expect(wrong([{ ...row, chosen: say('gpt', 1) }])).toEqual(at('[0].chosen.value', 'a text'))
    expect(wrong([{ ...row, rejected: say('human', 'Hi') }])).toMatchObject({ right: { path: '[0].rejected.from' } })
    expect(wrong([{ conversations: [], chosen: row.chosen }])).toEqual(at('[0].rejected', 'an object'))
  })

  test('whatever is read, nothing is thrown', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        decodePreferences(value)
        decodePreferences([{ ...row, chosen: value }])
        return true
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  const fixture = '../shared/fixtures/data/preferences/dpo_en_demo.json'
  test.skipIf(!existsSync(fixture))(`a public set of them is read whole (${fixture})`, () => {
    const data: unknown = JSON.parse(readFileSync(fixture, 'utf8'))
    const decoded = decodePreferences(data)
    if (E.isLeft(decoded)) throw new Error(JSON.stringify(decoded.left))
    expect(decoded.right).toHaveLength(299)
    const [first] = decoded.right
    expect(first!.turns).toEqual([
      {
        role: 'user',
        content:
          "Hi! I'd like to create a new language game simulating the first person perspective of a character named Angela.",
      },
    ])
    expect(first!.chosen.slice(0, 39)).toBe('That sounds like a fun and engaging ide')
    for (const { turns, chosen, rejected } of decoded.right) {
      expect(turns.at(-1)?.role).toBe('user')
      expect(chosen).not.toBe(rejected)
    }
  })
})
