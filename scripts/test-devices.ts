// Before the tests: which devices does this machine have? One line names the present and one the absent ones; the tests
// read the answer as `inject('devices')`. ADJOINT_REQUIRE_DEVICES=wasm,webgpu turns an absent device into a failure.
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

interface Probe {
  readonly device: string
  readonly present: boolean
  /** What was found, or why nothing was. */
  readonly detail: string
}

// An empty module whose one function holds `v128.const 0; drop`: it validates where the engine has SIMD.
const simd = new Uint8Array([
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  4,
  1,
  96,
  0,
  0,
  3,
  2,
  1,
  0,
  10,
  23,
  1,
  21,
  0,
  253,
  12,
  ...new Array<number>(16).fill(0),
  26,
  11,
])

const probeReference = (): Probe => ({ device: 'reference', present: true, detail: 'f64 interpreter' })

const probeWasm = (): Probe =>
  WebAssembly.validate(simd)
    ? { device: 'wasm', present: true, detail: 'WebAssembly SIMD' }
    : { device: 'wasm', present: false, detail: 'this Node has no WebAssembly SIMD' }

const probeNative = async (): Promise<Probe> => {
  try {
    await import('koffi')
  } catch (error) {
    return { device: 'native', present: false, detail: error instanceof Error ? error.message : String(error) }
  }
  const asked = process.env['ADJOINT_CC'] ?? ''
  const command = asked === '' ? 'cc' : asked
  const said = spawnSync(command, ['--version'], { encoding: 'utf8' })
  return said.status === 0
    ? { device: 'native', present: true, detail: said.stdout.split('\n')[0]! }
    : { device: 'native', present: false, detail: `no C compiler '${command}'` }
}

// In a process of its own: Dawn keeps the process that loads it alive.
const probeWebgpu = (): Promise<Probe> =>
  new Promise((resolve) => {
    const script = fileURLToPath(new URL('probe-webgpu.mjs', import.meta.url))
    execFile(process.execPath, [script], { timeout: 60_000 }, (error, stdout) => {
      const detail = stdout.trim() || (error?.message ?? '')
      resolve({ device: 'webgpu', present: error === null, detail })
    })
  })

export default async function setup(project: TestProject): Promise<void> {
  const probes = [probeReference(), probeWasm(), await probeNative(), await probeWebgpu()]
  const present = probes.filter((probe) => probe.present)
  const absent = probes.filter((probe) => !probe.present)
  const names = present.map((probe) => probe.device)

  console.log(`devices: ${present.map((probe) => `${probe.device} (${probe.detail})`).join(', ')}`)
  for (const { device, detail } of absent) {
    const advice = device === 'webgpu' ? '; scripts/setup-vulkan.sh installs a software adapter' : ''
    console.log(`absent device, its tests do not run: ${device} (${detail}${advice})`)
  }

  const required = (process.env['ADJOINT_REQUIRE_DEVICES'] ?? '').split(',').filter((name) => name !== '')
  const missing = required.filter((name) => !names.includes(name))
  if (missing.length > 0)
    throw new Error(`ADJOINT_REQUIRE_DEVICES asks for ${missing.join(', ')}: absent here (see above)`)

  project.provide('devices', names)
}
