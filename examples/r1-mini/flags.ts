/** The command line of r1-mini. */
import type { DeviceKind } from '@adjoint/tensor'
import { type Control, CONTROLS } from '../cli/controls.ts'
import { choice, common, count, type FlagsOf } from '../cli/flags.ts'

export interface Flags {
  readonly seed: number
  /** Null: the default device. */
  readonly device: DeviceKind | null
  readonly steps: number
  readonly sftSteps: number
  /** Held-out problems of an exam. */
  readonly exam: number
  /** Parts of a batch that go through the model one after the other. */
  readonly micro: number
  /** How parameters are stored. Null: as f32. */
  readonly dtype: 'f32' | 'f16' | 'bf16' | null
  /** Null: a new folder under runs/. */
  readonly out: string | null
  readonly resume: boolean
  readonly control: Control | null
  readonly json: boolean
  readonly help: boolean
}

export const flags: FlagsOf<Flags> = {
  seed: common.seed,
  device: common.device,
  steps: count('GRPO steps', 100),
  sftSteps: count('SFT steps', 2000),
  exam: count('held-out problems of the exams after SFT and after GRPO', 256, { min: 1 }),
  micro: count('micro-batches of an update: that much less memory, and the same result up to rounding', 1, { min: 1 }),
  dtype: choice(
    'how parameters are stored: f32 (default), f16 or bf16; their optimizer keeps f32 masters of the latter',
    ['f32', 'f16', 'bf16'],
  ),
  out: common.out,
  resume: common.resume,
  control: choice('shuffled or random rewards for training: the curve must stay flat', CONTROLS),
  json: common.json,
  help: common.help,
}
