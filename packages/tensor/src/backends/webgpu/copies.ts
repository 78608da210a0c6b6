/** Copies by kernels: within one buffer, which WebGPU's own copy refuses, and inside of loops, where a round stays one pass. */
import type { Shader } from './printer/index.ts'

const LANES = 64
/** Words that a lane copies. */
const WORDS = 16
const WIDEST = 65535

/** Which bindings are written: a buffer is writable in all bindings of a dispatch or in none. */
export const copyAccess = 'ww'

/** The same source for every size: the ranges bound say how much there is to copy. */
export const copyShader = (bytes: number): Shader => {
  const groups = Math.ceil(bytes / 4 / (LANES * WORDS))
  const across = Math.min(groups, WIDEST)
  return {
    source: `@group(0) @binding(0) var<storage, read_write> b0: array<u32>;
@group(0) @binding(1) var<storage, read_write> b1: array<u32>;
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let words = min(arrayLength(&b0), arrayLength(&b1));
  let first = (group.y * groups.x + group.x) * ${LANES * WORDS}u + lane;
  for (var i = 0u; i < ${WORDS}u; i++) {
    let at = first + i * ${LANES}u;
    if (at < words) { b1[at] = b0[at]; }
  }
}
`,
    entry: 'main',
    workgroups: [across, Math.ceil(groups / across), 1],
  }
}

/** Which bindings `bothShader` writes: what lies in the arena, as the flag may, is bound writable. */
export const bothAccess = 'wrw'

/** Whether both of two words are set, as a word: a gate is open where the flag of its loop is set and the gate around it is open. */
export const bothShader: Shader = {
  source: `@group(0) @binding(0) var<storage, read_write> b0: array<u32>;
@group(0) @binding(1) var<storage, read> b1: array<u32>;
@group(0) @binding(2) var<storage, read_write> b2: array<u32>;
@compute @workgroup_size(1)
fn main() {
  b2[0] = select(0u, b0[0], b1[0] != 0u);
}
`,
  entry: 'main',
  workgroups: [1, 1, 1],
}
