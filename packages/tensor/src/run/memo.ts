/**
 * What was asked for is computed once: the value of an expression that was realized or read is remembered beside it, on the
 * device that computed it, as long as the expression is reachable; and so is host data that a device was given to keep.
 * Remembering pins nothing: an expression that is dropped takes its value along, and of what stays reachable only so much is
 * remembered. A value that was donated, released or pushed out is forgotten, and computed again when it is asked for.
 */
import { getOrInsert } from '../base/get-or-insert.ts'
import { type Expr, type Node, over } from '../graph/expr.ts'
import type { Tensor } from '../graph/tensor.ts'
import { bounded } from '../base/bounded.ts'
import type { Device } from '../graph/device.ts'
import { hostDataOf, storageOfTensor } from './storages.ts'

const COUNT = 4096
const BYTES = 2 ** 31

/** Held by its expression alone; the list of what is remembered reaches it weakly. */
interface Entry {
  tensor: Tensor | null
  readonly number: number
}
const entries = new WeakMap<Expr, Map<Device, Entry>>()
const listed = bounded<number, WeakRef<Entry>>({
  count: COUNT,
  bytes: BYTES,
  dropped: (reference) => {
    const entry = reference.deref()
    if (entry !== undefined) entry.tensor = null
  },
})
const unreachable = new FinalizationRegistry<number>(listed.delete)
let numbers = 0

const usable = (x: Tensor): boolean => storageOfTensor(x)?.gone() === null || hostDataOf(x) !== null

const valueIn = (entry: Entry): Tensor | null => {
  if (entry.tensor === null) return null
  if (usable(entry.tensor)) {
    listed.get(entry.number)
    return entry.tensor
  }
  listed.delete(entry.number)
  return null
}

/** The tensor that holds the value of `x` on a device (or on the host, where it was read and is small); null where none is remembered. */
export const remembered = (device: Device, x: Expr): Tensor | null => {
  const entry = entries.get(x)?.get(device)
  return entry === undefined ? null : valueIn(entry)
}

/** A device that remembers the value of `x`. */
export const rememberedOn = (x: Expr): Device | null => {
  for (const [device, entry] of entries.get(x) ?? []) if (valueIn(entry) !== null) return device
  return null
}

/** From now on `x` need not be computed: `tensor` holds its value. */
export const remember = (device: Device, x: Expr, tensor: Tensor, bytes: number): void => {
  const byDevice = getOrInsert(entries, x, () => new Map<Device, Entry>())
  const old = byDevice.get(device)
  if (old !== undefined) listed.delete(old.number)
  const entry: Entry = { tensor, number: numbers++ }
  byDevice.set(device, entry)
  unreachable.register(entry, entry.number)
  listed.set(entry.number, new WeakRef(entry), bytes)
}

/** The same expressions over what is remembered: nothing below a remembered value is looked at. */
export const overRemembered = (device: Device, roots: readonly Expr[]): readonly Expr[] => {
  const image = new Map<Expr, Expr>()
  const rebuilt = new Map<Node, Node>()
  const stack: { readonly x: Expr; next: number }[] = []
  const visit = (x: Expr): void => {
    if (image.has(x)) return
    const value = x.node.args.length === 0 ? null : remembered(device, x)
    image.set(x, value ?? x)
    if (value === null) stack.push({ x, next: 0 })
  }
  for (const root of roots) {
    visit(root)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { node, index } = top.x
      const arg = node.args[top.next++]
      if (arg !== undefined) visit(arg)
      else {
        stack.pop()
        // One node for all its results that are not remembered.
        const own =
          rebuilt.get(node) ??
          over(
            node,
            node.args.map((a) => image.get(a)!),
          )
        rebuilt.set(node, own)
        image.set(top.x, own.outs[index]!)
      }
    }
  }
  return roots.map((root) => image.get(root)!)
}
