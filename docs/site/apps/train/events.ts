/** What the page and its worker say to one another. */
import type { DeviceReport } from '@adjoint/tensor'
import type { Learning, Settings } from './settings.ts'

/** One completion of the group that is shown. */
export interface Shown {
  readonly completion: string
  readonly reward: number
  readonly parts: Readonly<Record<string, number>>
  readonly advantage: number
  readonly length: number
  /** Each token with its log-probability under the policy that sampled it, nats. */
  readonly tokens: readonly (readonly [text: string, logProb: number])[]
}
/** A whole group: all completions to one problem. */
export interface ShownGroup {
  readonly prompt: string
  readonly expected: string
  readonly completions: readonly Shown[]
}

/** The run that learns, or the one beside whose rewards say nothing. */
export type RunName = 'trained' | 'control'

export type TrainEvent =
  | { readonly type: 'opened'; readonly kind: string; readonly label: string; readonly parameters: number }
  | { readonly type: 'cold'; readonly step: number; readonly loss: number }
  | {
      readonly type: 'exam'
      readonly run: RunName
      readonly step: number
      readonly accuracy: number
      readonly thinks: number
    }
  | {
      readonly type: 'step'
      readonly run: RunName
      /** Steps done, this one included. */
      readonly step: number
      readonly metrics: Readonly<Record<string, number>>
      readonly group: ShownGroup
      readonly liveBytes: number
    }
  | { readonly type: 'done' }

export type FromWorker =
  | { readonly type: 'devices'; readonly devices: readonly DeviceReport[]; readonly threads: boolean }
  | { readonly type: 'event'; readonly run: number; readonly event: TrainEvent }
  | { readonly type: 'failed'; readonly run: number; readonly message: string }

export type ToWorker =
  | { readonly type: 'start'; readonly run: number; readonly settings: Settings }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' }
  | { readonly type: 'learning'; readonly learning: Learning }
