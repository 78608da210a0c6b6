/** Which charts a phase is shown in, and what stands on each. Pure: settings in, curves out. */
import { type Chapter, curvesIn, sameChapter, trains, chaptersOf } from './chapters.ts'
import { type Group, GROUPS, type Metric, metricOf } from './metric.ts'
import type { Setting } from './settings.ts'
import { acrossSeeds, type SeedPoint, type SpreadPoint } from './spread.ts'
import { isRounding } from './rounding.ts'
import { thin } from './thin.ts'

/** A curve of a chart. `style` is the number of its colour and dashes, `setting` that of its setting. */
export interface Curve {
  readonly name: string
  readonly style: number
  readonly setting: number
  readonly points: readonly SpreadPoint[]
}

/** A chart. */
export interface Panel {
  readonly title: string
  /** The name in the log, where the chart is of one metric. */
  readonly metric: string | null
  readonly unit: string
  readonly domain: readonly [number, number] | null
  /** Where the chart is cut off, because of few values far above all others; null: nowhere. */
  readonly ceiling: number | null
  readonly curves: readonly Curve[]
}

/** A metric that never changes: a line of text says as much as a chart. */
export interface Constant {
  readonly name: string
  readonly value: number
}

/** A metric that varies by rounding only, between these two: a chart would draw noise as if it were news. */
export interface Rounded {
  readonly name: string
  readonly low: number
  readonly high: number
}

/** The charts of a phase, by group. */
export interface Plotted {
  readonly groups: readonly { readonly group: Group; readonly panels: readonly Panel[] }[]
  readonly constants: readonly Constant[]
  /** What varies by the rounding of f32 alone. */
  readonly rounded: readonly Rounded[]
}

/** Points of a curve on a chart: more would be narrower than the line, but for those who look closely. */
export const MOST_POINTS = 1000
/** Below so many points, a metric that did not change yet may still. */
const FEWEST_CONSTANT = 3

interface Measured {
  readonly name: string
  readonly metric: Metric
  /** One for each setting that has the metric. */
  readonly curves: readonly Curve[]
}

const measuredIn = (settings: readonly Setting[], chapter: Chapter): readonly Measured[] => {
  const bySetting = settings.map(({ runs }) =>
    runs
      .filter((run) => chaptersOf(run).some((each) => sameChapter(each, chapter)))
      .map((run) => curvesIn(run, chapter)),
  )
  const names = [...new Set(bySetting.flatMap((runs) => runs.flatMap((curves) => [...curves.keys()])))]
  return names.map((name) => ({
    name,
    metric: metricOf(name),
    curves: bySetting.flatMap((runs, style) => {
      const seeds = runs.map((curves) => curves.get(name)).filter((c): c is readonly SeedPoint[] => c !== undefined)
      return seeds.length === 0
        ? []
        : [{ name: settings[style]!.label, style, setting: style, points: acrossSeeds(seeds) }]
    }),
  }))
}

const valuesOf = ({ curves }: Measured): readonly (number | null)[] => curves.flatMap((c) => c.points.map((p) => p.y))

const isConstant = (measured: Measured): boolean => {
  const values = valuesOf(measured)
  const extremes = measured.curves.flatMap((c) => c.points.flatMap((p) => [p.low, p.high]))
  return values[0] !== null && values.length >= FEWEST_CONSTANT && extremes.every((y) => y === values[0])
}

const roundedOf = ({ name, metric, curves }: Measured): Rounded | null => {
  const values = curves
    .flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high]))
    .filter((y) => y !== null)
  if (values.length < 2 * FEWEST_CONSTANT || !isRounding(values, metric.scale)) return null
  const [low, high] = values.reduce(([l, h], y) => [Math.min(l, y), Math.max(h, y)], [Infinity, -Infinity])
  return { name, low, high }
}

/** An evaluation that was made once is in the table: a chart of it would be a dot. */
const isDot = ({ name, curves }: Measured): boolean =>
  name.startsWith('evaluation/') && curves.every(({ points }) => points.length < 2)

/** A panel whose curves have at most about `limit` points. */
export const thinned =
  (limit: number) =>
  (panel: Panel): Panel => ({
    ...panel,
    curves: panel.curves.map((curve) => ({ ...curve, points: thin(limit)(curve.points) })),
  })

/** Times have outliers (the first step compiles) that would press all others to the ground. */
const ceilingOf = (group: Group, curves: readonly Curve[]): number | null => {
  const values = curves
    .flatMap(({ points }) => points.flatMap(({ y }) => (y === null ? [] : [y])))
    .sort((a, b) => a - b)
  const [usual, most] = [values[Math.floor(0.95 * (values.length - 1))] ?? 0, values.at(-1) ?? 0]
  return group === 'Time' && usual > 0 && most > 3 * usual ? 1.5 * usual : null
}

const alone = ({ name, metric, curves }: Measured): Panel => ({
  title: metric.title,
  metric: name.replace(/^(evaluation|times)\//, ''),
  unit: metric.unit,
  domain: metric.domain,
  ceiling: ceilingOf(metric.group, curves),
  curves,
})

const together = (family: string, members: readonly Measured[]): Panel => ({
  title: family,
  metric: null,
  unit: members[0]!.metric.unit,
  domain: members[0]!.metric.domain,
  ceiling: ceilingOf(
    members[0]!.metric.group,
    members.map(({ curves }) => curves[0]!),
  ),
  curves: members.map(({ metric, curves }, style) => ({ ...curves[0]!, name: metric.member, style })),
})

/** Of the charts that are looked at first, the order: whether it learns, how far it goes, how sure it is, how long it thinks. */
const LEADING: readonly RegExp[] = [/^reward$/, /(?:^|\/)kl$/, /^entropy$/]
const rankOf = ({ name }: Measured): number => {
  const at = LEADING.findIndex((pattern) => pattern.test(name))
  return at < 0 ? LEADING.length : at
}

const panelsOf = (measured: readonly Measured[], oneSetting: boolean): readonly Panel[] => {
  if (!oneSetting) return measured.map(alone)
  const seen = new Set<string>()
  return measured.flatMap((each) => {
    const { family } = each.metric
    if (family === null) return [alone(each)]
    if (seen.has(family)) return []
    seen.add(family)
    const members = measured.filter((other) => other.metric.family === family)
    return [members.length === 1 ? alone(each) : together(family, members)]
  })
}

/** Whether a phase has curves of its own: one that only examines has its figures in the table. */
export const hasCurves = (settings: readonly Setting[], chapter: Chapter): boolean =>
  settings.some(({ runs }) =>
    runs.some((run) => chaptersOf(run).some((each) => sameChapter(each, chapter)) && trains(run, chapter)),
  )

/**
 * The charts of a phase. Of one setting, metrics of a family (pass@1 and cons@k) share a chart; of several, each metric has
 * its own, with a curve a setting. Constant metrics are listed instead, and those that vary by rounding only.
 */
export const plot = (settings: readonly Setting[], chapter: Chapter): Plotted => {
  const measured = measuredIn(settings, chapter).filter((each) => !isDot(each))
  const constant = measured.filter(isConstant)
  const rounded = new Map(
    measured
      .filter((each) => !constant.includes(each))
      .flatMap((each) => {
        const by = roundedOf(each)
        return by === null ? [] : [[each, by] as const]
      }),
  )
  const varying = measured.filter((each) => !constant.includes(each) && !rounded.has(each))
  return {
    groups: GROUPS.flatMap((group) => {
      const panels = panelsOf(
        varying
          .filter((each) => each.metric.group === group)
          .sort((a, b) => (group === GROUPS[0] ? rankOf(a) - rankOf(b) : 0)),
        settings.length === 1,
      )
      return panels.length === 0 ? [] : [{ group, panels }]
    }),
    constants: constant.map((each) => ({ name: each.name, value: valuesOf(each)[0]! })),
    rounded: [...rounded.values()],
  }
}
