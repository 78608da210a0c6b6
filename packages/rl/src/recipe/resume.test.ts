// R1 killed in every way: at the end its folder is that of a run that was not, byte for byte.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import type { RecipeEnv } from './recipe.ts'
import { describeStageError } from './errors.ts'
import { ended, filesOf, performTiny, STAGES, stateOf } from './tiny.support.ts'
import { wholeRun } from './whole.support.ts'

const { device, fresh, whole, last } = await wholeRun('resume')

describe('killed and resumed', () => {
  test('inside each of its stages, R1 leaves what it leaves uninterrupted', async () => {
    const folder = fresh()
    // After which step of each stage: before its first checkpoint, behind one, in the exam.
    const kills = new Map([
      ['1-cold-start', 'cold-start 3'],
      ['2-reasoning-rl', 'reasoning-rl 1'],
      ['3-rejection-sampling', 'rejection-sampling 3'],
      ['4-supervised', 'exam 1'],
      ['5-all-rewards-rl', 'all-rewards-rl 2'],
      ['6-distillation', 'distillation 1'],
    ])
    const killed: string[] = []
    for (let resume = false; killed.length < STAGES.length; resume = true) {
      const power = new Error('the power line')
      const observe: RecipeEnv['observe'] = ({ stage, phase, step }) => {
        if (kills.get(stage) !== `${phase} ${step}`) return
        kills.delete(stage)
        killed.push(stage)
        throw power
      }
      await expect(performTiny(device, folder, { resume, observe })).rejects.toBe(power)
    }
    expect(killed).toEqual(STAGES)
    const state = ended(await performTiny(device, folder, { resume: true }))
    expect(await stateOf(state)).toEqual(await stateOf(last))
    expect(await filesOf(folder)).toEqual(await filesOf(whole))
  })

  test('between its stages: what has ended is loaded, and the state is the same', async () => {
    const folder = fresh()
    await cp(whole, folder, { recursive: true })
    for (const stage of STAGES.slice(4)) await rm(join(folder, stage), { recursive: true })
    const seen = new Set<string>()
    const state = ended(
      await performTiny(device, folder, { resume: true, observe: ({ stage }) => void seen.add(stage) }),
    )
    expect([...seen]).toEqual(STAGES.slice(4))
    expect(await stateOf(state)).toEqual(await stateOf(last))
    expect(await filesOf(folder)).toEqual(await filesOf(whole))
  })

  test('by SIGKILL, as a process', async () => {
    const folder = fresh()
    const script = fileURLToPath(new URL('./child.support.mjs', import.meta.url))
    const child = spawn(process.execPath, [script, folder], { stdio: 'ignore' })
    const gone = new Promise((resolve) => child.once('exit', resolve))
    while (!existsSync(join(folder, '2-reasoning-rl', 'times.jsonl')) && child.exitCode === null) await sleep(2)
    child.kill('SIGKILL')
    await gone
    expect(child.signalCode).toBe('SIGKILL')
    expect(existsSync(join(folder, '6-distillation'))).toBe(false)
    const state = ended(await performTiny(device, folder, { resume: true }))
    expect(await stateOf(state)).toEqual(await stateOf(last))
    expect(await filesOf(folder)).toEqual(await filesOf(whole))
  })

  test('traces that are not those of the checkpoint are refused', async () => {
    const folder = fresh()
    await cp(whole, folder, { recursive: true })
    const path = join(folder, '3-rejection-sampling', 'traces.jsonl')
    const lines = (await readFile(path, 'utf8')).split('\n')
    await writeFile(path, lines.slice(1).join('\n'))
    const result = await performTiny(device, folder, { resume: true })
    expect(E.isLeft(result) && describeStageError(result.left)).toMatch(
      /^3-rejection-sampling: .*traces.jsonl.*and the stage ended with/,
    )
  })

  test('what learned from traces is not gone on with on others', async () => {
    const folder = fresh()
    await cp(whole, folder, { recursive: true })
    const path = join(folder, '3-rejection-sampling', 'traces.jsonl')
    await writeFile(path, (await readFile(path, 'utf8')).replace('"completion":"', '"completion":"7'))
    expect(await performTiny(device, folder, { resume: true })).toEqual(
      E.left({ stage: '4-supervised', error: { _tag: 'OtherStart', folder: join(folder, '4-supervised') } }),
    )
  })
})
