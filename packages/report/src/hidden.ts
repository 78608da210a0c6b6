/**
 * Which settings are hidden. The number of a setting and its name change as runs come and go; a run stays the one it is, so
 * settings are hidden by their runs. Pure; runs in the page.
 */

/** Numbers of the hidden settings, of settings by their runs: one run that is hidden hides its setting. One that is alone is shown, for it has no box. */
export const hiddenAmong = (settings: readonly (readonly string[])[], hidden: readonly string[]): readonly number[] =>
  settings.length < 2 ? [] : settings.flatMap((runs, i) => (runs.some((run) => hidden.includes(run)) ? [i] : []))

/** Hidden runs, with those of a setting among them or not. */
export const hiding = (hidden: readonly string[], runs: readonly string[], isHidden: boolean): readonly string[] => {
  const others = hidden.filter((run) => !runs.includes(run))
  return isHidden ? [...others, ...runs] : others
}
