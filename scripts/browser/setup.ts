// Before the tests in a page: the devices that a page is to have, and what Node's wasm device computes, which a page's must equal bit for bit.
import { wasmDevice } from '@adjoint/tensor'
import type { TestProject } from 'vitest/node'
import { bitsOfPrograms, learn } from './learning.ts'

export const STEPS = 5
export const PROGRAMS = 40

export default async function setup(project: TestProject): Promise<void> {
  const device = wasmDevice({ threads: 1 })
  project.provide('devices', ['reference', 'wasm', 'webgpu'])
  project.provide('node', {
    steps: STEPS,
    learnt: await learn(device, STEPS),
    programs: PROGRAMS,
    bits: await bitsOfPrograms(device, PROGRAMS),
  })
  await device.destroy()
}
