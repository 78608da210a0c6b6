// Before the tests: is there a Chromium? Tests read its path as `inject('chromium')`. ADJOINT_CHROMIUM names another one;
// ADJOINT_REQUIRE_CHROMIUM=1 turns an absent one into a failure.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestProject } from 'vitest/node'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The path of a Chromium; null where there is none. */
export const findChromium = (): string | null => {
  const named = process.env['ADJOINT_CHROMIUM'] ?? ''
  if (named !== '') return isProgram(named) ? named : null
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram) ?? null
}

export default function setup(project: TestProject): void {
  const path = findChromium()
  if (path === null) {
    const words = 'absent browser, its tests do not run: chromium (scripts/setup-chromium.sh installs it)'
    if (process.env['ADJOINT_REQUIRE_CHROMIUM'] === '1')
      throw new Error(
        `ADJOINT_REQUIRE_CHROMIUM asks for a Chromium: none is on the PATH; scripts/setup-chromium.sh installs it`,
      )
    console.log(words)
  }
  project.provide('chromium', path)
}
