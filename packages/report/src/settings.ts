/** Runs of one setting that differ in their seed only are one curve with a spread; other settings are other curves. */
import type { Json } from '@adjoint/rl'
import { basename, dirname } from 'node:path'
import type { Run, Settings } from './run.ts'

/** Runs that were started alike. */
export interface Setting {
  /** What tells it apart from the others on the page. */
  readonly label: string
  readonly runs: readonly Run[]
}

/** What follows from the seed, and so is not what a setting is. */
const OF_ONE_RUN: ReadonlySet<string> = new Set(['seed', 'seeds', 'out', 'folder', 'start', 'fingerprint'])

/** A text without the seed at its end: the name `dapo-0` of a run of seed 0 is that of the setting `dapo`. */
const withoutSeed = (value: Json, seed: Json | undefined): Json =>
  typeof value === 'string' && typeof seed === 'number'
    ? value.replace(new RegExp(`[-_.](?:s|seed)?[-_=.]?${seed}$`), '')
    : value

/** What of the settings is not the seed's. */
const shared = (settings: Settings): Settings =>
  Object.fromEntries(
    Object.entries(settings)
      .filter(([name]) => !OF_ONE_RUN.has(name))
      .map(([name, value]) => [name, withoutSeed(value, settings['seed'])] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )

const same = (a: Settings | null, b: Settings | null): boolean =>
  a !== null && b !== null && JSON.stringify(shared(a)) === JSON.stringify(shared(b))

const SEED = /(?:^|[-_.])s(?:eed)?[-_=.]?\d+$/

/** A run's name without what says its seed: `r1/seed-2/teacher` -> `r1/teacher`. */
export const seedless = (name: string): string =>
  name
    .split('/')
    .map((part) => part.replace(SEED, ''))
    .filter((part) => part !== '')
    .join('/')

/** The number in a folder's name that says its seed. */
export const seedInName = (name: string): number | null => {
  const found = name.split('/').findLast((part) => SEED.test(part))
  return found === undefined ? null : Number(/\d+$/.exec(found)![0])
}

/** Folders that differ in the number of their seed only: `r1/seed-0`, `r1/seed-1`. */
const besideEachOther = (a: Run, b: Run): boolean =>
  seedInName(a.name) !== null && seedInName(b.name) !== null && seedless(a.folder) === seedless(b.folder)

/**
 * Whether two runs are of one setting: alike in all stages that both have begun. Of runs beside each other the first stage
 * decides: how long later ones are may follow from what earlier ones gave.
 */
export const alike = (a: Run, b: Run): boolean => {
  const [first, other] = [a.stages[0], b.stages[0]]
  if (first === undefined || other === undefined) return false
  if (besideEachOther(a, b) && first.name === other.name)
    return first.settings === null || other.settings === null || same(first.settings, other.settings)
  const both = Math.min(a.stages.length, b.stages.length)
  for (let i = 0; i < both; i++) {
    const [x, y] = [a.stages[i]!, b.stages[i]!]
    if (x.name !== y.name || !same(x.settings, y.settings)) return false
  }
  return true
}

const fieldsOf = (run: Run): ReadonlyMap<string, Json> =>
  new Map(
    run.stages.flatMap(({ name, settings }) =>
      Object.entries(shared(settings ?? {})).map(
        ([field, value]) => [name === '' ? field : `${name} ${field}`, value] as const,
      ),
    ),
  )

/** A value of a setting in few characters. */
export const brief = (value: Json | undefined): string =>
  value === undefined || value === null ? 'none' : typeof value === 'string' ? value : JSON.stringify(value)

/** Fields of settings: the names in which they differ, and those with one value for all. */
export const compareFields = (
  settings: readonly Setting[],
): {
  readonly differing: readonly string[]
  readonly common: readonly string[]
  readonly at: (setting: Setting, field: string) => Json | undefined
} => {
  const maps = new Map(settings.map((setting) => [setting, fieldsOf(setting.runs[0]!)]))
  const names = [...new Set([...maps.values()].flatMap((map) => [...map.keys()]))]
  const at = (setting: Setting, field: string): Json | undefined => maps.get(setting)?.get(field)
  const varies = (field: string): boolean => new Set(settings.map((s) => JSON.stringify(at(s, field)))).size > 1
  return { differing: names.filter(varies), common: names.filter((name) => !varies(name)), at }
}

const LONGEST_LABEL = 48

/** The first few of the fields in which settings differ that tell them all apart, or as far as they can. */
const telling = (groups: readonly Setting[]): readonly string[] => {
  const { differing, at } = compareFields(groups)
  const apart = (names: readonly string[]): number =>
    new Set(groups.map((group) => JSON.stringify(names.map((name) => at(group, name))))).size
  return differing.reduce<readonly string[]>(
    (chosen, name) => (apart([...chosen, name]) > apart(chosen) ? [...chosen, name] : chosen),
    [],
  )
}

const labelsOf = (groups: readonly Setting[]): readonly string[] => {
  const { at } = compareFields(groups)
  // A folder that says no more than its seed is called by the folder around it.
  const byFolder = groups.map(({ runs: [run] }) => seedless(run!.name) || basename(dirname(run!.folder)) || run!.name)
  if (groups.length === 1) {
    const example = at(groups[0]!, 'example')
    return [typeof example === 'string' ? example : byFolder[0]!]
  }
  const fields = telling(groups)
  const values = groups.map((group) => fields.map((name) => at(group, name)))
  // One field of words needs no name: `dapo`, `gspo`.
  const wordy = fields.length === 1 && values.every(([value]) => typeof value === 'string' && value !== '')
  const byField = values.map((each) =>
    each.map((value, i) => (wordy ? brief(value) : `${fields[i]!} ${brief(value)}`)).join(', '),
  )
  const tells = (labels: readonly string[]): boolean =>
    new Set(labels).size === labels.length && labels.every((label) => label !== '' && label.length <= LONGEST_LABEL)
  // Fields of a recipe are named with their stage: its folder says it shorter.
  const recipes = groups.some(({ runs: [run] }) => run!.stages.length > 1)
  const best = (recipes ? [byFolder, byField] : [byField, byFolder]).find(tells)
  return best ?? groups.map(({ runs }, i) => `${i + 1}. ${runs[0]!.name}`)
}

/** Runs by setting, in the order in which they were given. */
export const settingsOf = (runs: readonly Run[]): readonly Setting[] => {
  const groups: Run[][] = []
  for (const run of runs) {
    // Every run of the group must agree: one that has only begun agrees with many.
    const group = groups.find((members) => members.every((member) => alike(member, run)))
    if (group === undefined) groups.push([run])
    else group.push(run)
  }
  const unnamed = groups.map((members) => ({ label: '', runs: members }))
  const labels = labelsOf(unnamed)
  return unnamed.map((group, i) => ({ ...group, label: labels[i]! }))
}
