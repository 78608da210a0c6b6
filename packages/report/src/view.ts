/** What a reader has set, and how it stands in the page's address: whoever is sent the address sees the same. Runs in the page. */
import { ALONG, type Along } from './clock.ts'

/** What colours tokens. */
export type Tint = 'none' | 'logp' | 'entropy' | 'advantage'
export const TINTS: readonly Tint[] = ['none', 'logp', 'entropy', 'advantage']

/** What the form of the samples holds, as texts; empty: whatever. */
export interface SampleView {
  readonly text: string
  readonly run: string
  readonly phase: string
  readonly outcome: string
  readonly from: string
  readonly to: string
  readonly least: string
  readonly most: string
  readonly order: string
}

/** Everything that a reader can set. */
export interface View {
  /** The section that is looked at; empty: the top. */
  readonly section: string
  /** Weight of what was before, from 0 to 0.99. */
  readonly smooth: number
  readonly logarithmic: boolean
  readonly along: Along
  /** Words of the names of charts. */
  readonly find: string
  readonly pins: readonly string[]
  readonly large: string | null
  /** Stretches of the x axis that are looked at, by phase. */
  readonly zoom: Readonly<Record<string, readonly [number, number]>>
  /** Ids of runs whose settings are not shown. */
  readonly hidden: readonly string[]
  readonly tint: Tint
  /** Whether each token says the value that colours it. */
  readonly told: boolean
  readonly samples: SampleView
  /** From 0. */
  readonly page: number
  /** What is compared: two sources of completions, and the problem; null: nothing. */
  readonly compare: { readonly left: string; readonly right: string; readonly problem: string } | null
}

export const NO_SAMPLE_VIEW: SampleView = {
  ...{ text: '', run: '', phase: '', outcome: '', from: '', to: '', least: '', most: '', order: '' },
}

/** What nobody has set anything of. */
export const DEFAULT_VIEW: View = {
  section: '',
  smooth: 0,
  logarithmic: false,
  along: 'step',
  find: '',
  pins: [],
  large: null,
  zoom: {},
  hidden: [],
  tint: 'none',
  told: false,
  samples: NO_SAMPLE_VIEW,
  page: 0,
  compare: null,
}

const SAMPLE_FIELDS = Object.keys(NO_SAMPLE_VIEW) as readonly (keyof SampleView)[]

/** The address's part behind #: `section?name=value&..`, with what differs from the default; empty where nothing does. */
export const toHash = (view: View): string => {
  const all = new URLSearchParams()
  const put = (name: string, value: string | number | null): void => {
    if (value !== null && value !== '' && value !== 0) all.append(name, String(value))
  }
  put('smooth', view.smooth)
  put('log', view.logarithmic ? 1 : null)
  put('x', view.along === 'step' ? null : view.along)
  put('find', view.find)
  for (const pin of view.pins) put('pin', pin)
  put('large', view.large)
  for (const [phase, [from, to]] of Object.entries(view.zoom)) put('zoom', `${from}~${to}~${phase}`)
  for (const run of view.hidden) put('hide', run)
  put('tint', view.tint === 'none' ? null : view.tint)
  put('values', view.told ? 1 : null)
  for (const name of SAMPLE_FIELDS) put(`samples.${name}`, view.samples[name])
  put('page', view.page)
  if (view.compare !== null)
    for (const side of ['left', 'right', 'problem'] as const) all.append(`compare.${side}`, view.compare[side])
  const text = all.toString()
  return encodeURIComponent(view.section) + (text === '' ? '' : `?${text}`)
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // No UTF-8 behind its per cents: an address that somebody has cut names no section.
    return ''
  }
}

/** A number within bounds; null for anything else. */
const numberIn = (text: string | null, low: number, high: number): number | null => {
  const value = Number(text ?? NaN)
  return text !== null && text !== '' && value >= low && value <= high ? value : null
}

const zoomIn = (text: string): readonly (readonly [string, readonly [number, number]])[] => {
  const [from, to, ...phase] = text.split('~')
  const ends = [from, to].map((end) => numberIn(end ?? null, -Number.MAX_VALUE, Number.MAX_VALUE))
  const [low, high] = ends
  return typeof low === 'number' && typeof high === 'number' && low < high ? [[phase.join('~'), [low, high]]] : []
}

const oneOf = <A extends string>(all: readonly A[], text: string | null): A | null =>
  all.find((each) => each === text) ?? null

/** What an address says. Total: what is no setting of a page is as if it were not there. */
export const fromHash = (hash: string): View => {
  const text = hash.replace(/^#/, '')
  const at = text.indexOf('?')
  const all = new URLSearchParams(at < 0 ? '' : text.slice(at + 1))
  const page = numberIn(all.get('page'), 0, 1e9)
  const [left, right, problem] = ['left', 'right', 'problem'].map((side) => all.get(`compare.${side}`))
  return {
    section: decoded(at < 0 ? text : text.slice(0, at)),
    smooth: numberIn(all.get('smooth'), 0, 0.99) ?? 0,
    logarithmic: all.get('log') === '1',
    along: oneOf(ALONG, all.get('x')) ?? 'step',
    find: all.get('find') ?? '',
    pins: [...new Set(all.getAll('pin'))],
    large: all.get('large'),
    zoom: Object.fromEntries(all.getAll('zoom').flatMap(zoomIn)),
    // Addresses of before name settings by number, which said nothing of which they are.
    hidden: [...new Set(all.getAll('hide').filter((each) => /^[0-9a-f]{8}$/.test(each)))],
    tint: oneOf(TINTS, all.get('tint')) ?? 'none',
    told: all.get('values') === '1',
    samples: Object.fromEntries(
      SAMPLE_FIELDS.map((name) => [name, all.get(`samples.${name}`) ?? '']),
    ) as unknown as SampleView,
    page: Number.isInteger(page) ? page! : 0,
    compare:
      typeof left === 'string' && typeof right === 'string' && typeof problem === 'string'
        ? { left, right, problem }
        : null,
  }
}
