/** What every generated shader has in common: bindings, the grid of workgroups, the text around the body. */
import type { Store } from '../../../loops/kernel.ts'
import { prelude } from './prelude.ts'
import type { Body } from './body.ts'
import type { Elements } from './elements.ts'

/** A kernel as WGSL. Where one of `workgroups` is 0 there is nothing to run (and `source` is empty). */
export interface Shader {
  readonly source: string
  readonly entry: string
  readonly workgroups: readonly [number, number, number]
}

export const entry = 'main'
/** Most workgroups along one dimension of a dispatch, on every implementation. */
const WIDEST = 65535

export const nothing: Shader = { source: '', entry, workgroups: [0, 1, 1] }

/**
 * A shader of `groups` workgroups of `lanes` lanes each. The body may use `group` (u32, uniform: the workgroup's number,
 * below `groups`), `lane`, `subgroup` (u32: the number of the lane's subgroup in its workgroup) and `member` (u32: that of the lane
 * in its subgroup). What a text uses is enabled.
 */
export const shader = (
  { bindings }: Elements,
  groups: number,
  lanes: number,
  declarations: string,
  text: string,
): Shader => {
  const across = Math.min(groups, WIDEST)
  const down = Math.ceil(groups / across)
  const group = down === 1 ? 'workgroup.x' : `workgroup.y * ${across}u + workgroup.x`
  // dispatches are one workgroup deep
  const zero = /\brounded\(/.test(declarations + text) ? '  zero = workgroup.z;\n' : ''
  const number = /\bsubgroup\b/.test(text) ? ', @builtin(subgroup_id) subgroup: u32' : ''
  const member = /\bmember\b/.test(text) ? ', @builtin(subgroup_invocation_id) member: u32' : ''
  const main =
    `@compute @workgroup_size(${lanes})\n` +
    `fn ${entry}(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32${number}${member}) {\n` +
    `${zero}  let group = ${group};\n` +
    (groups === across * down ? '' : `  if (group >= ${groups}u) { return; }\n`) +
    `${text}}\n`
  const enabled = [
    ...(/\bf16\b/.test(declarations + text) ? ['f16'] : []),
    ...(main.includes('subgroup') ? ['subgroups'] : []),
    ...(main.includes('subgroupMatrix') ? ['chromium_experimental_subgroup_matrix'] : []),
  ]
  const source = `${enabled.map((feature) => `enable ${feature};\n`).join('')}${bindings}${declarations}${prelude(declarations + main)}${main}`
  return { source, entry, workgroups: [across, down, 1] }
}

/**
 * The same shader with one more binding, the last: a u32, and where that is 0 nothing is done. It is read-only, so that all
 * lanes know that they take the same way.
 */
export const gated = ({ source, workgroups }: Shader, binding: number): Shader => {
  const body = source.indexOf('{\n', source.indexOf(`fn ${entry}(`)) + 2
  const gate = `@group(0) @binding(${binding}) var<storage, read> gate: array<u32>;\n`
  return {
    source: `${source.slice(0, body)}  if (gate[0] == 0u) { return; }\n${source.slice(body)}${gate}`,
    entry,
    workgroups,
  }
}

/** Writes the stores: all values before the first write, since a buffer may be updated in place. */
export const writeStores = (body: Body, elements: Elements, stores: readonly Store[], guard = ''): void => {
  const written = stores.flatMap((s) => {
    if (s.mode === 'add')
      throw new Error('a kernel that adds to elements in grid order reached WGSL, which has no order')
    const value = body.value(s.value)
    return elements.store(s.buffer, body.index(s.at), value)
  })
  if (guard !== '' && written.length > 0) body.line(`if (${guard}) {`)
  for (const w of written) body.line(guard === '' ? w : `  ${w}`)
  if (guard !== '' && written.length > 0) body.line('}')
}
