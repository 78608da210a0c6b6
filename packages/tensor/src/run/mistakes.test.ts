/** What newcomers get wrong where programs run, and what they are told. */
import { expect, test } from 'vitest'
import { jit, read, readAsync, realize, requestDevice, setDefaultDevice, sum, tensor, wasmDevice } from '../index.ts'

const x = tensor([1, 2, 3])
/** What plain JavaScript may pass. */
const as = <T>(value: unknown): T => value as T

test.each([
  ['the device by its name', () => setDefaultDevice(as('wasm')), "await requestDeviceAsync({ kind: 'wasm' })"],
  [
    'a promise of a device',
    () => setDefaultDevice(as(Promise.resolve(wasmDevice()))),
    'a promise, not a device. Await it',
  ],
  ['a task that was not run', () => setDefaultDevice(as(requestDevice())), 'A task runs when it is called'],
  ['a tensor where the device comes first', () => read(as(x)), 'read: the device is a tensor, not a device'],
  ['the same of realize', () => realize(as(x)), 'realize: the device is a tensor, not a device'],
  ['a device of jit by its name', () => jit(() => x, { device: as('wasm') }), 'jit: the device is the string wasm'],
  ['a function that was called already', () => jit(as<() => typeof x>(x)), 'Write jit(f)(...args), with f not called'],
  ['no function', () => jit(as<() => typeof x>(undefined)), 'jit: takes a function, not undefined'],
  [
    'a number to be read',
    () => read(wasmDevice())(as<typeof x>(3)),
    'read: its argument is the number 3, not a tensor',
  ],
] as const)('%s', (_, mistake, told) => {
  expect(mistake).toThrow(told)
})

test.each([
  ['a number', 3, 'readAsync: its argument is the number 3, not a tensor. Wrap it'],
  ['a list of tensors', [x], 'readAsync: its argument is an array of 1, not a tensor'],
  ['a promise of a tensor', Promise.resolve(x), 'readAsync: its argument is a promise, not a tensor. Await it first'],
  ['an operation without its tensors', sum(), 'readAsync: its argument is a function, not a tensor. Call it first'],
] as const)('%s to be read', async (_, given, told) => {
  await expect(readAsync(as<typeof x>(given))).rejects.toThrow(told)
})

test('a device by its name for one read', async () => {
  await expect(readAsync(x, as('wasm'))).rejects.toThrow("await requestDeviceAsync({ kind: 'wasm' })")
})
