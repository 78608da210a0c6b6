/** What the page can be told: the defaults are those of `npm start`. */
import type { DeviceKind } from '@adjoint/tensor'

export const VARIANTS = [
  'grpo',
  'drGrpo',
  'dapo',
  'gspo',
  'gmpo',
  'cispo',
  'sapo',
  'dppo',
  'rloo',
  'reinforcePlusPlus',
  'gdpo',
] as const
export type Variant = (typeof VARIANTS)[number]

export const DEVICES = ['auto', 'wasm', 'webgpu'] as const

/** Rewards that say nothing, for a run beside. */
export const CONTROLS = ['none', 'shuffled', 'random'] as const
export type ControlRun = (typeof CONTROLS)[number]

/** What a step learns by: may change between two steps. */
export interface Learning {
  readonly variant: Variant
  /** Weight of the KL term. */
  readonly beta: number
  /** Problems of a step. */
  readonly prompts: number
  /** Completions to a problem. */
  readonly group: number
  /** Updates from what a step has sampled. */
  readonly minibatches: number
  /** Weights of the rewards. */
  readonly correct: number
  readonly format: number
}

/** What a run begins with. */
export interface Start {
  readonly device: DeviceKind | 'auto'
  readonly seed: number
  /** Steps of supervised cold start. */
  readonly cold: number
  /** Steps of reinforcement learning. */
  readonly steps: number
  /** Held-out problems of an exam. */
  readonly exam: number
  readonly control: ControlRun
}
export type Settings = Start & Learning

export const DEFAULTS: Settings = {
  ...{ device: 'auto', seed: 0, cold: 2000, steps: 100, exam: 64, control: 'none' },
  ...{ variant: 'grpo', beta: 0, prompts: 16, group: 16, minibatches: 1, correct: 1, format: 0.1 },
}

/** Settings that wait for the next start. */
export const AT_START: readonly (keyof Settings)[] = ['device', 'seed', 'cold', 'steps', 'exam', 'control']

/** What a setting can be: in words, and for a number its bounds. */
interface Field {
  readonly read: (text: string) => Settings[keyof Settings] | null
  readonly rule: string
  readonly bounds?: readonly [least: number, most: number]
}
const number = (least: number, most: number, whole = true): Field => ({
  read: (text) => {
    const value = text.trim() === '' ? NaN : Number(text)
    return value >= least && value <= most && (!whole || Number.isInteger(value)) ? value : null
  },
  rule: `a ${whole ? 'whole ' : ''}number from ${least} to ${most}`,
  bounds: [least, most],
})
const oneOf = (names: readonly (Settings[keyof Settings] & string)[]): Field => ({
  read: (text) => names.find((name) => name === text) ?? null,
  rule: `one of ${names.join(', ')}`,
})

export const FIELDS: Readonly<Record<keyof Settings, Field>> = {
  device: oneOf(DEVICES),
  seed: number(0, 2 ** 31),
  cold: number(0, 20_000),
  steps: number(1, 5000),
  exam: number(0, 512),
  control: oneOf(CONTROLS),
  variant: oneOf(VARIANTS),
  beta: number(0, 10, false),
  prompts: number(1, 64),
  group: number(2, 64),
  minibatches: number(1, 16),
  correct: number(-10, 10, false),
  format: number(-10, 10, false),
}
export const NAMES = Object.keys(FIELDS) as readonly (keyof Settings)[]

/** A setting that a text does not say, and what it can be. */
export interface Wrong {
  readonly name: keyof Settings
  readonly text: string
  readonly rule: string
}

/** The settings that texts by name say; what a text does not say is the default, and is named. */
export const parse = (
  texts: Readonly<Record<string, string | undefined>>,
): { readonly settings: Settings; readonly wrong: readonly Wrong[] } => {
  const read = NAMES.map((name) => {
    const text = texts[name]
    return { name, text, value: text === undefined ? DEFAULTS[name] : FIELDS[name].read(text) }
  })
  // Each value is of its field, by the table above.
  const settings = {
    ...DEFAULTS,
    ...Object.fromEntries(read.map(({ name, value }) => [name, value ?? DEFAULTS[name]])),
  } as Settings
  const wrong = read.flatMap(({ name, text, value }) =>
    value === null ? [{ name, text: text ?? '', rule: FIELDS[name].rule }] : [],
  )
  const { prompts, group, minibatches } = settings
  if ((prompts * group) % minibatches === 0) return { settings, wrong }
  const rule = `a number that divides the completions of a step, ${prompts} × ${group} = ${prompts * group}`
  return {
    settings: { ...settings, minibatches: DEFAULTS.minibatches },
    wrong: [...wrong, { name: 'minibatches', text: String(minibatches), rule }],
  }
}

/** The settings of an address, and a sentence for each part of it that they leave out. */
export const fromQuery = (
  query: URLSearchParams,
  devices: readonly Settings['device'][],
): { readonly settings: Settings; readonly refused: readonly string[] } => {
  const { settings: read, wrong } = parse(Object.fromEntries(query))
  const known = (name: string): boolean => NAMES.some((each) => each === name)
  const here = devices.includes(read.device)
  const settings = here ? read : { ...read, device: DEFAULTS.device }
  const names = [...new Set(query.keys())]
  return {
    settings,
    refused: [
      ...names.filter((name) => !known(name)).map((name) => `${name}: there is no such setting.`),
      ...names
        .filter((name) => known(name) && query.getAll(name).length > 1)
        .map((name) => `${name} is there more than once: the last one is read.`),
      ...wrong.map(({ name, text, rule }) => `${name}=${text}: it is ${rule}. Taken: ${settings[name]}.`),
      ...(here ? [] : [`device=${read.device}: this browser does not have it. Taken: ${settings.device}.`]),
    ],
  }
}

/** The settings that differ from the defaults, as the query of an address. */
export const queryOf = (settings: Settings): string =>
  new URLSearchParams(
    NAMES.filter((name) => settings[name] !== DEFAULTS[name]).map((name) => [name, String(settings[name])]),
  ).toString()
