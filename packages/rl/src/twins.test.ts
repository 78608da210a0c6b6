// Each effect and its `Async` twin in the same world: one resolves where the other is Right, and rejects with the other's Left.
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import * as rl from './index.ts'
import { bad, good, table, thoughtless } from './twins.support.ts'

const face: Readonly<Record<string, unknown>> = rl
const effectOf = (twin: string): string => twin.replace(/Async$/, '')
const twins = Object.keys(face).filter((name) => name.endsWith('Async'))

test('every twin of the package is in the table', () => {
  expect(Object.keys(table).map((name) => `${name}Async`)).toEqual(expect.arrayContaining(twins))
  expect(twins).toHaveLength(Object.keys(table).length)
})

describe.each(Object.entries(table))('law: of %s the twin', (_, both) => {
  test('comes to what is Right', async () => {
    const { expected, settled } = await both(good)
    expect(settled).toEqual({ status: 'fulfilled', value: E.toUnion(expected) })
    expect(E.isRight(expected)).toBe(true)
  })

  test('throws what is Left', async () => {
    const { expected, settled } = await both(bad)
    expect(E.isLeft(expected)).toBe(true)
    expect(settled).toMatchObject({ status: 'rejected', reason: { error: E.toUnion(expected) } })
    expect(settled.status === 'rejected' && settled.reason).toBeInstanceOf(rl.RlFailure)
  })
})

/** What a call throws at once; null where it throws nothing. What it gives may reject, which is then nobody's. */
const thrownBy = (name: string, given: unknown): unknown => {
  const called = face[name]
  if (typeof called !== 'function') throw new TypeError(`${name} is no function`)
  try {
    const made: unknown = Reflect.apply(called, undefined, [given, given])
    if (made instanceof Promise) made.catch(() => undefined)
    return null
  } catch (thrown) {
    return thrown
  }
}

/** An effect's own words have its name in them; of what the engine says of a mistake only the kind is the same. */
const said = (name: string, given: unknown): unknown => {
  const thrown = thrownBy(name, given)
  return thrown instanceof Error && !thrown.message.includes(`${effectOf(name)}: `) ? thrown.name : thrown
}

test.each(twins)('law: %s throws mistakes as its effect does', (name) => {
  for (const mistake of [{ misspelt: 1 }, { capacity: 0, groups: 1 }, true, null])
    expect(said(name, mistake)).toEqual(said(effectOf(name), mistake))
})

test('most of them have words for a mistake', () => {
  const worded = twins.filter((name) => String(thrownBy(name, { misspelt: 1 })).includes(`${effectOf(name)}: `))
  expect(worded.length).toBeGreaterThan(20)
})

test('a mistake in what a step is given is thrown at once too', () => {
  for (const step of thoughtless) expect(step).toThrow(/^grpoStep: .*reference/)
})
