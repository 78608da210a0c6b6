/** A chart as it is looked at: along which axis, how smooth, on which scale. Pure; the page draws it, and so does its SVG. */
import { type Along, placeOn } from './clock.ts'
import type { CardData, CurveData, PhaseData } from './page-data.ts'
import { smooth } from './smooth.ts'

/** How charts are looked at. */
export interface Looking {
  readonly along: Along
  readonly smooth: number
  readonly logarithmic: boolean
  readonly hidden: readonly number[]
}

/** A curve as it is drawn: values at places on the axis, those that cannot be shown left out as absent. */
export interface ShownCurve {
  readonly name: string
  readonly style: number
  readonly setting: number
  /** Ascending. */
  readonly x: readonly number[]
  /** The steps of these places. */
  readonly steps: readonly number[]
  readonly y: readonly (number | null)[]
  /** Smoothed, or null where nothing is to be. */
  readonly smoothed: readonly (number | null)[] | null
  readonly low: readonly (number | null)[] | null
  readonly high: readonly (number | null)[] | null
}

/** A chart as it is drawn. */
export interface ShownCard {
  readonly curves: readonly ShownCurve[]
  /** Whether the y axis is one of powers: of values of which none is above 0, it is not. */
  readonly logarithmic: boolean
  /** What of the data is not seen, and why; null where all is. */
  readonly note: string | null
}

/** A curve of so few points (evaluations on the way) is as smooth as it is. */
const FEWEST_SMOOTHED = 17

const AXIS: Readonly<Record<Along, string>> = { step: 'step', time: 'time', tokens: 'tokens' }

/** The title of an axis. */
export const axisTitle = (phase: string, along: Along): string =>
  along === 'step' ? `${phase} step` : along === 'time' ? 'time of its steps' : 'tokens sampled'

const placed = (curve: CurveData, phase: PhaseData | undefined, looking: Looking): ShownCurve => {
  const place = placeOn(phase?.clocks[curve.setting], looking.along)
  const at = curve.x.map(place)
  const kept = at.flatMap((x, i) => (x === null ? [] : [i]))
  const of = (values: readonly (number | null)[]) => kept.map((i) => values[i]!)
  const y = of(curve.y)
  return {
    name: curve.name,
    style: curve.style,
    setting: curve.setting,
    x: kept.map((i) => at[i]!),
    steps: kept.map((i) => curve.x[i]!),
    y,
    smoothed: looking.smooth > 0 && y.length >= FEWEST_SMOOTHED ? smooth(looking.smooth)(y) : null,
    low: curve.band === null ? null : of(curve.band.low),
    high: curve.band === null ? null : of(curve.band.high),
  }
}

/** Of values, those above 0. */
const positive = (values: readonly (number | null)[]): readonly (number | null)[] =>
  values.map((y) => (y !== null && y > 0 ? y : null))

/** A chart as it is looked at. Settings that are hidden have no curves in it. */
export const shownCard = (card: CardData, phase: PhaseData | undefined, looking: Looking): ShownCard => {
  const curves = card.curves
    .filter(({ setting }) => !looking.hidden.includes(setting))
    .map((curve) => placed(curve, phase, looking))
  const all = curves.flatMap(({ y }) => y.filter((value) => value !== null))
  const above = all.filter((y) => y > 0).length
  const logarithmic = looking.logarithmic && above > 0
  const lost = curves.filter(({ x }, i) => x.length === 0 && (card.curves[i]?.x.length ?? 0) > 0).length
  const notes = [
    lost > 0 ? `${AXIS[looking.along]} is not logged${lost < curves.length ? ` for ${lost} of the curves` : ''}` : null,
    looking.logarithmic && !logarithmic && all.length > 0 ? 'no value above 0: the axis stays straight' : null,
    logarithmic && above < all.length ? `${all.length - above} values of 0 or less are not shown` : null,
  ].filter((note) => note !== null)
  return {
    curves: logarithmic
      ? curves.map((curve) => ({
          ...curve,
          y: positive(curve.y),
          smoothed: curve.smoothed === null ? null : positive(curve.smoothed),
          low: curve.low === null ? null : positive(curve.low),
          high: curve.high === null ? null : positive(curve.high),
        }))
      : curves,
    logarithmic,
    note: notes.length === 0 ? null : notes.join('; '),
  }
}

/** The rows of a chart as a table: a row for each step that any curve has; time and tokens where the clock of its one setting has them. */
export const tableOf = (
  card: CardData,
  phase: PhaseData | undefined,
): readonly (readonly (string | number | null)[])[] => {
  const steps = [...new Set(card.curves.flatMap(({ x }) => x))].sort((a, b) => a - b)
  const clocks = new Set(card.curves.map(({ setting }) => setting))
  const [only] = clocks
  const clock = clocks.size === 1 && only !== undefined ? phase?.clocks[only] : undefined
  const [seconds, tokens] = [placeOn(clock, 'time'), placeOn(clock, 'tokens')]
  const columns = card.curves.map(({ name, x, y, band }) => {
    const at = new Map(x.map((step, i) => [step, i]))
    const of = (values: readonly (number | null)[]) => (step: number) => values[at.get(step) ?? -1] ?? null
    return [
      [name, of(y)] as const,
      ...(band === null
        ? []
        : [[`${name} lowest`, of(band.low)] as const, [`${name} highest`, of(band.high)] as const]),
    ]
  })
  const all = [
    ['step', (step: number) => step] as const,
    ...(clock?.seconds ? [['seconds', seconds] as const] : []),
    ...(clock?.tokens ? [['tokens', tokens] as const] : []),
    ...columns.flat(),
  ]
  return [all.map(([name]) => name), ...steps.map((step) => all.map(([, of]) => of(step)))]
}
