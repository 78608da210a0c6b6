/**
 * A value that is printed when it is computed: an identity to every transformation. A compiled program has no host inside: it hands
 * the value out, and the host prints it after the run (compile/told.ts).
 */
import { showAval } from '../base/errors.ts'
import { apply, type Expr, type Primitive, type Telling, type Value } from '../graph/expr.ts'

/** What a value is printed as. */
interface PrintParams {
  readonly label: string
}

/** Rows within rows, as they are nested. */
const nested = ({ data, shape }: Value): unknown => {
  const level = (axis: number, from: number): unknown => {
    const size = shape[axis]
    if (size === undefined) return data[from]
    const stride = shape.slice(axis + 1).reduce((p, n) => p * n, 1)
    return Array.from({ length: size }, (_, i) => level(axis + 1, from + i * stride))
  }
  return level(0, 0)
}

const say =
  (label: string): Telling['tell'] =>
  ([x]) =>
    console.log(`${label} ${showAval(x!)}:`, nested(x!))

const printP: Primitive<PrintParams> = {
  name: 'debugPrint',
  outs: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  vjp: ([ct]) => [ct!],
  jvp: ([tangent]) => [tangent!],
  batch: ([x], _, __, params) => [print(x!, params.label)],
  lower: { kind: 'told', of: (values, { label }) => ({ values, tell: say(label) }) },
  evaluate: ([x], _, { label }) => {
    say(label)([x!])
    return [x!.data.slice()]
  },
}

/** The same value, printed with a label where it is interpreted. */
export const print = (x: Expr, label: string): Expr => apply(printP, [x], { label })
