// An argument that is no tensor is an error that names the operation, where it is called: plain JavaScript may pass anything.
import { describe, expect, it } from 'vitest'
import * as t from '../index.ts'

const x = t.ones([2, 2])
const at = t.zeros([2], 'i32')
type Call = (...args: readonly unknown[]) => unknown
/** Operations by name, as functions of their tensors alone. */
const operations: Readonly<Record<string, readonly [Call, ...(readonly unknown[])]>> = {
  ...Object.fromEntries(
    (['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', 'eq', 'lt', 'matmul', 'dot'] as const).map((name) => [
      name,
      [t[name] as Call, x, x],
    ]),
  ),
  ...Object.fromEntries(
    (['neg', 'abs', 'exp', 'log', 'sqrt', 'stopGradient', 'gelu', 'relu', 'zerosLike', 'onesLike'] as const).map(
      (name) => [name, [t[name] as Call, x]],
    ),
  ),
  ...Object.fromEntries(
    (['sum', 'mean', 'max', 'min', 'prod', 'std', 'variance', 'logsumexp', 'argmax', 'transpose', 'squeeze', 'flip', 'diagonal', 'trace', 'tril', 'triu', 'sort', 'argsort'] as const) // prettier-ignore
      .map((name) => [name, [(t[name] as Call)() as Call, x]]),
  ),
  clamp: [t.clamp(0, 1) as Call, x],
  softmax: [t.softmax(-1) as Call, x],
  logSoftmax: [t.logSoftmax(-1) as Call, x],
  cumsum: [t.cumsum(0) as Call, x],
  cumprod: [t.cumprod(0) as Call, x],
  reshape: [t.reshape([4]) as Call, x],
  permute: [t.permute([1, 0]) as Call, x],
  broadcastTo: [t.broadcastTo([2, 2]) as Call, x],
  expandDims: [t.expandDims(0) as Call, x],
  slice: [t.slice([0], [1]) as Call, x],
  roll: [t.roll(1) as Call, x],
  pad: [t.pad(1) as Call, x],
  split: [t.split(2) as Call, x],
  tile: [t.tile([2]) as Call, x],
  repeat: [t.repeat(2) as Call, x],
  topK: [t.topK(1) as Call, x],
  take: [t.take(0) as Call, x, at],
  gather: [t.gather(0) as Call, x, at],
  takeAlongAxis: [t.takeAlongAxis(0) as Call, x, t.zeros([2, 2], 'i32')],
  scatterAdd: [t.scatterAdd(0) as Call, x, at, x],
  oneHot: [t.oneHot(2) as Call, at],
  outer: [t.outer as Call, t.ones([2]), t.ones([2])],
  einsum: [t.einsum('ij,jk->ik') as Call, x, x],
  concat: [(p: unknown, q: unknown) => t.concat(0)([p, q] as never), x, x],
  stack: [(p: unknown, q: unknown) => t.stack(0)([p, q] as never), x, x],
}

describe('each operation names itself', () => {
  it.each(Object.entries(operations))('%s', (name, [call, ...args]) => {
    expect(call(...args)).toBeDefined()
    args.forEach((_, i) => {
      for (const [wrong, said] of [
        [undefined, 'undefined'],
        [t.sum(), 'a function'],
        [null, 'null'],
      ] as const) {
        let error: unknown = null
        try {
          call(...args.with(i, wrong))
        } catch (e) {
          error = e
        }
        expect(error).toBeInstanceOf(TypeError)
        const { message } = error as TypeError
        expect(message.startsWith(name === 'trace' ? 'diagonal' : name), message).toBe(true)
        expect(message).toContain(said)
        expect(message).toContain('not a tensor')
      }
    })
  })
  it('and says what to do', () => {
    expect(() => t.add(x, undefined as never)).toThrow(
      'add: argument y is undefined, not a tensor. Pass a tensor: tensor(data), scalar(x), or what another operation returns.',
    )
    expect(() => t.add(t.sum() as never, x)).toThrow(
      'add: argument x is a function, not a tensor. Call it first: an operation takes its configuration, and then its tensors.',
    )
    expect(() => t.softmax(-1)([1, 2] as never)).toThrow(
      'an array of 2, not a tensor. Wrap it: scalar(x), tensor(data).',
    )
    expect(() => t.concat(0)(x as never)).toThrow('concat: takes a list of tensors')
    expect(() => t.full([2], undefined as never)).toThrow('full(): undefined is no f32. Pass a number')
    expect(() => t.full([2], '1' as never)).toThrow('the string 1 is no f32')
    expect(() => t.scalar(null as never)).toThrow('null is no f32')
    expect(() => t.clamp(0, undefined as never)(x)).toThrow('clamp: a bound of [0, undefined] is undefined')
    expect(() => t.einsum(undefined as never)(x)).toThrow('einsum: the terms are undefined, not a string')
    expect(() => t.zeros(3 as never)).toThrow('3 is no shape')
    expect(() => t.oneHot(-1)(at)).toThrow('is no shape')
    expect(() => t.tile([1.5])(x)).toThrow('tile: repetitions')
    expect(() => t.repeat(-1)(x)).toThrow('repeat: repetitions')
    expect(() => t.roll(0.5)(x)).toThrow('0.5 is no number of places')
    expect(() => t.tril(0.5)(x)).toThrow('the number 0.5 is no i32')
    expect(() => t.diagonal({ offset: 0.5 })(x)).toThrow('the number 0.5 is no i32')
    expect(() => t.eye(2, 2, 0.5)).toThrow('the number 0.5 is no i32')
  })
})

/** Operations that take options, called with them. */
const configured: Readonly<Record<string, Call>> = {
  ...Object.fromEntries(
    (['sum', 'prod', 'max', 'min', 'mean', 'any', 'all', 'variance', 'std', 'logsumexp', 'norm', 'sumOfSquares', 'diagonal', 'trace', 'conv', 'convTranspose', 'maxPool', 'avgPool', 'resize', 'nonzero', 'compress', 'nanToNum'] as const) // prettier-ignore
      .map((name) => [name, t[name] as Call]),
  ),
  ...Object.fromEntries(
    (['softmax', 'logSoftmax', 'cumsum', 'cumprod', 'cummax', 'cummin', 'sort', 'sortBy', 'argsort'] as const).map(
      (name) => [name, (options) => (t[name] as Call)(0, options)],
    ),
  ),
  triangularSolve: t.linalg.triangularSolve as Call,
  'random.uniform': t.random.uniform as Call,
  'random.normal': t.random.normal as Call,
  'random.choice': (options) => (t.random.choice as Call)(3, options),
  scan: (options) => (t.scan as Call)(() => [x, null], options),
  jit: (options) => (t.jit as Call)(() => x, options),
}

describe('options are given by name', () => {
  it.each(Object.entries(configured))('%s', (name, call) => {
    for (const [wrong, said] of [
      [5, 'the number 5, not an object'],
      ['same', 'the string same, not an object'],
      [[2], 'an array of 1, not an object'],
      [null, 'null, not an object'],
      [() => x, 'a function, not an object'],
      [x, 'its options are a tensor'],
      [{ axsi: 0 }, "it has no option 'axsi'"],
    ] as const) {
      const thrown = new RegExp(`^${name.replace('.', '\\.')}: .*${said}.*Its options? (are|is) `)
      expect(() => call(wrong), said).toThrow(TypeError)
      expect(() => call(wrong), said).toThrow(thrown)
    }
  })
  it('and are needed where nothing stands for them', () => {
    for (const name of ['maxPool', 'avgPool', 'resize', 'nonzero', 'compress'] as const)
      expect(() => (t[name] as Call)()).toThrow(`${name}: its options are undefined, not an object. Its options are `)
  })
  it('and are those of the call: lists in them may change later', () => {
    const stride = [2, 2]
    const slid = t.conv({ stride })
    stride[0] = 1
    expect(slid(t.ones([1, 1, 4, 4]), t.ones([1, 1, 2, 2])).shape).toEqual([1, 1, 2, 2])
  })
})

/** Operations that wait for their tensors once they are configured. */
const curried =
  (['transpose', 'permute', 'flip', 'squeeze', 'pad', 'reshape', 'split', 'slice', 'broadcastTo', 'softmax', 'logSoftmax', 'cumsum', 'cumprod', 'cummax', 'cummin', 'sort', 'sortBy', 'argsort', 'topK', 'take', 'gather', 'takeAlongAxis', 'scatterAdd', 'expandDims', 'roll', 'tile', 'repeat', 'argmax', 'argmin', 'glu', 'elu', 'leakyRelu', 'clamp', 'cast', 'oneHot', 'einsum', 'tril', 'triu', 'concat', 'stack', 'dynamicSlice', 'scatterSet', 'scatterMax', 'sum', 'mean', 'max', 'std', 'norm', 'logsumexp', 'diagonal', 'conv', 'maxPool', 'resize', 'nonzero', 'compress', 'nanToNum'] as const) // prettier-ignore
    .map((name) => [name, t[name] as Call] as const)

describe('law: whatever stands in the place of a configuration, or of the tensors after it, works or is an error of that operation', () => {
  const configurations: readonly (readonly unknown[])[] = [[], [null], [[1, 2]], [3], ['a'], [{}], [x], [x, x], [x, 0]]
  const data: readonly (readonly unknown[])[] = [[], [null], [[1, 2]], [3], [x], [[x, x]], [x, at], [x, at, x]]
  it.each(curried)('%s', (name, call) => {
    const bad: string[] = []
    const given = (f: () => unknown): unknown => {
      try {
        return f()
      } catch (error) {
        const { message } = error as Error
        if (!message.startsWith(name) || /JavaScript's|Cannot|is not a function|not iterable|Invalid/.test(message))
          bad.push(message)
        return null
      }
    }
    for (const configuration of configurations) {
      const made = given(() => call(...configuration))
      if (typeof made === 'function') for (const args of data) given(() => (made as Call)(...args))
    }
    expect([...new Set(bad)]).toEqual([])
  })
  it('and says what comes first', () => {
    expect(() => t.reshape(x as never)).toThrow(
      'reshape: takes a list first, not a tensor, and then its tensors: reshape([..])(x).',
    )
    expect(() => t.softmax(x as never)(x as never)).toThrow('softmax(f32[2, 2]): axis a tensor is out of range')
  })
})
