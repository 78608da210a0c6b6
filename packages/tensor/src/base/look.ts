/** What a tensor looks like where a program prints it, and what it says where one computes with it as if it were a number. */
import type { DType } from './dtype.ts'
import { arrayText } from './array-text.ts'
import { showAval } from './errors.ts'

/** What can be seen of a value without computing or reading anything. */
export interface Sight {
  /** The device that it is on, or that it is on the host. */
  readonly on: string
  /** Its elements, where they are at hand. */
  readonly data: ArrayLike<number> | null
}

interface Seen {
  readonly shape: readonly number[]
  readonly dtype: DType
}

/** `Tensor f32[2] on wasm` and its elements; for an expression, which has none yet, that it is one. */
export const look = (seen: Seen, sight: Sight | 'placeholder' | null): string => {
  const head = `Tensor ${showAval(seen)}`
  if (sight === 'placeholder') return `${head}, an argument of a function that is traced`
  if (sight === null) return `${head}, not computed yet`
  const { on, data } = sight
  if (data === null) return `${head} on ${on}, not read yet`
  const text = arrayText(data, seen.shape, seen.dtype)
  return `${head} on ${on}${text.includes('\n') ? '\n' : ' '}${text}`
}

/** What JavaScript's own operators would make of a tensor is never what was meant: NaN, a text, false. */
export const notANumber = (seen: Seen): TypeError =>
  new TypeError(
    `Tensor ${showAval(seen)}: JavaScript's operators and Math do not know tensors. ` +
      'Write add(x, y) for x + y, and so sub, mul, div, neg, pow, lt, eq, sin; for its numbers, await readAsync(x).',
  )
