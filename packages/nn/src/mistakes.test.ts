// Whatever plain JavaScript gives to a function of the face, it works, or says whose mistake it is and what to write.
import { isTensor, zeros } from '@adjoint/tensor'
import * as tensor from '@adjoint/tensor'
import { describe, expect, it, test } from 'vitest'
import * as nn from './index.ts'

type Call = (...args: readonly unknown[]) => unknown
const isCall = (value: unknown): value is Call => typeof value === 'function'
const faces = { ...tensor.random, ...tensor.tree, ...tensor, ...nn }
const calls = Object.entries(nn).filter(
  (entry): entry is [string, Call & (typeof entry)[1]] =>
    // classes are made with new; effects tell of what they are given when they run
    isCall(entry[1]) && !entry[0].endsWith('Async') && !(`${entry[0]}Async` in nn) && !/^class /.test(String(entry[1])),
)

const given: readonly (readonly unknown[])[] = [
  ...[[], [null], [[1, 2, 3]], [3], ['a'], [{}], [() => null], [zeros([2, 3])]],
  ...[
    [zeros([2, 3]), [1, 2, 3]],
    [zeros([2, 3]), null],
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
  ],
]
const shown = (args: readonly unknown[]): string =>
  args.map((value) => (isTensor(value) ? 'tensor' : isCall(value) ? 'f' : JSON.stringify(value))).join(', ')

/** What JavaScript itself says where nothing was checked, and what only the inside of an operation knows. */
const RAW =
  /Cannot (read|destructure|use|convert|set)|is not (a function|iterable|a constructor)|Invalid array length|JavaScript's operators|must be an ArrayBuffer|undefined is no shape/

const complaintOf = (name: string, call: () => unknown): string | null => {
  try {
    const result = call()
    // what is not awaited here must not reject unseen
    if (result instanceof Promise) void result.catch(() => null)
    return null
  } catch (error) {
    if (!(error instanceof Error)) return `throws ${String(error)}`
    const said = /^(?:tree\.|random\.|linalg\.)?(\w+)[:(]/.exec(error.message)?.[1]
    const names_ = said !== undefined && (said === name || said in faces)
    return names_ && !RAW.test(error.message) ? null : error.message
  }
}

describe('law: a function called with anything works, or throws what begins with the name of a function that the caller may look up', () => {
  it.each(calls)('%s', (name, f) => {
    const bad: string[] = []
    const check = (text: string, call: () => unknown): unknown => {
      const complaint = complaintOf(name, call)
      if (complaint !== null) bad.push(`${text}: ${complaint}`)
      return null
    }
    for (const args of given) {
      let made: unknown
      check(`${name}(${shown(args)})`, () => (made = f(...args)))
      const next: unknown = made
      if (isCall(next)) for (const more of given) check(`${name}(${shown(args)})(${shown(more)})`, () => next(...more))
    }
    expect(bad).toEqual([])
  })
})

test.each([
  [
    'linear',
    () => nn.linear(null as never),
    'linear: the record of its parameters is null, not { weight, bias }. Give what initLinear(config)(key) makes.',
  ],
  ['a loss of one argument', () => nn.mae(zeros([2]), undefined as never), 'mae: targets is undefined, not a tensor.'],
  [
    'a loss of an array',
    () => nn.hinge(zeros([2]), [1, 2] as never),
    'hinge: targets is an array of 2, not a tensor. Wrap it: scalar(x), tensor(data).',
  ],
  [
    'an initializer that was called',
    () => (nn.heInit as () => unknown)(),
    'heInit: the shape is undefined, not a list. An initializer is heInit(key, shape), and a layer takes it uncalled: { init: heInit }.',
  ],
  [
    'no schedules',
    () => (nn.joinSchedules as () => unknown)(),
    'joinSchedules: the list of schedules is undefined, not a list. Write joinSchedules([first, second], [100])',
  ],
  [
    'a negative rate',
    () => nn.adam({ learningRate: -1 }),
    'adam: learningRate is -1. Give a finite number of 0 or more',
  ],
  ['no rate', () => nn.sgd({ learningRate: NaN }), 'sgd: learningRate is NaN. Give a finite number of 0 or more'],
  [
    'a configuration that was not made',
    () => nn.initCache(null as never),
    'initCache: the configuration is null, not { layers, kvHeads, headDim, context }. Give model.config',
  ],
])('%s is told what to write', (_, call, said) => {
  expect(call).toThrow(said)
})
