/** Images of digits, drawn: glyphs of 7 by 5 dots, turned, stretched, moved and drowned in noise, each time another. */
import { vmap } from '@adjoint/autograd'
import type { Floats, Integers, Key } from '@adjoint/nn'
import * as t from '@adjoint/tensor'

/** Pixels of an image, along each axis. */
export const SIDE = 16
const NOISE = 0.3

const FONT = [
  ' ###    #    ###   ###     #  #####  ###  #####  ###   ### ',
  '#   #  ##   #   # #   #   ##  #     #         # #   # #   #',
  '#   #   #       #     #  # #  ####  #        #  #   # #   #',
  '#   #   #     ##    ##  #  #      # ####    #    ###   ####',
  '#   #   #    #        # #####     # #   #  #    #   #     #',
  '#   #   #   #     #   #    #  #   # #   #  #    #   #     #',
  ' ###   ###  #####  ###     #   ###   ###   #     ###   ### ',
]
const [TALL, WIDE] = [7, 5]
const dotsOf = (digit: number): readonly number[] =>
  FONT.flatMap((row) => [...row.slice(6 * digit, 6 * digit + WIDE)].map((dot) => (dot === '#' ? 1 : 0)))
const glyphs: Floats = t.tensor(Array.from({ length: 10 }, (_, digit) => dotsOf(digit)).flat(), [10, TALL, WIDE])

/** 0, 1, .. about their middle. */
const centred = (n: number): Floats => t.sub(t.cast('f32')(t.arange(n)), (n - 1) / 2)
/** How much of each of n dots a place shows, [.., n]: it lies between two of them. */
const shown = (place: Floats, n: number): Floats => t.relu(t.sub(1, t.abs(t.sub(t.expandDims(-1)(place), centred(n)))))

/** One image [1, SIDE, SIDE], and its digit. */
const draw = (key: Key): readonly [Floats, Integers] => {
  const [forDigit, forPose, forNoise] = t.random.split(key, 3)
  const digit: Integers = t.random.randint(0, 10)(forDigit, [])
  const [turn, tall, wide, down, right] = t.split(5)(t.random.uniform({ minval: -1, maxval: 1 })(forPose, [5]))
  const y: Floats = t.expandDims(1)(t.sub(centred(SIDE), t.mul(down, 2)))
  const x: Floats = t.sub(centred(SIDE), t.mul(right, 2))
  const [sine, cosine] = [t.sin(t.mul(turn, 0.3)), t.cos(t.mul(turn, 0.3))]
  // A dot is 1.6 pixels large, give or take 0.4.
  const row: Floats = t.div(t.add(t.mul(y, cosine), t.mul(x, sine)), t.add(t.mul(tall, 0.4), 1.6))
  const column: Floats = t.div(t.sub(t.mul(x, cosine), t.mul(y, sine)), t.add(t.mul(wide, 0.4), 1.6))
  const rows: Floats = t.matmul(shown(row, TALL), t.take(0)(glyphs, digit)) // [SIDE, SIDE, WIDE]
  const ink: Floats = t.sum({ axis: -1 })(t.mul(rows, shown(column, WIDE)))
  const noise = t.random.normal({ stddev: NOISE })(forNoise, [1, SIDE, SIDE])
  return [t.add(ink, noise), digit]
}

/** So many images [n, 1, SIDE, SIDE], and their digits [n]. */
export const drawDigits = (key: Key, n: number): readonly [Floats, Integers] =>
  vmap((i: t.Scalar<'i32'>) => draw(t.random.foldIn(key, i)))(t.arange(n))
