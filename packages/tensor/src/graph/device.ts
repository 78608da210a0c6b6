/** What every executor offers. A device runs graphs; everything else in the framework is pure. */
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DType, HostArray } from '../base/dtype.ts'
import { shown } from '../base/errors.ts'
import type { Aval } from '../base/aval.ts'
import type { Program } from '../loops/program.ts'
import type { Expr } from './expr.ts'

/** Failures of the world, as data. `op` and `site` name the work that failed and where the user's program asked for it. */
export type DeviceError =
  | { readonly _tag: 'NoDevice'; readonly message: string }
  | {
      readonly _tag: 'OutOfMemory'
      readonly message: string
      readonly bytes: number
      readonly op: string
      readonly site: string
    }
  | { readonly _tag: 'DeviceLost'; readonly message: string }
  | { readonly _tag: 'Validation'; readonly message: string; readonly op: string; readonly site: string }

/** The throwing twin of DeviceError, for scripts. */
export class DeviceFailure extends Error {
  override readonly name = 'DeviceFailure'
  readonly error: DeviceError
  constructor(error: DeviceError) {
    super(error.message)
    this.error = error
  }
}

/** Counters of a device since it was requested; bytes are those held for tensors and programs. */
export interface DeviceStats {
  /** Bytes held now: live tensors, the arena, and constants of programs. */
  readonly liveBytes: number
  readonly peakBytes: number
  /** Kernels run, and submissions made (a wasm call of a program counts as one). */
  readonly kernels: number
  readonly submits: number
  /** Objects made: buffers (or heap blocks), bind groups, pipelines (or compiled modules). */
  readonly created: number
  readonly pipelines: number
}

/** What is asked for: `outputs` as functions of `inputs`, which are all the leaves that they depend on, host data included. */
export interface Computation {
  readonly inputs: readonly Expr[]
  readonly outputs: readonly Expr[]
  /** Per input: whether the program may overwrite its buffer. */
  readonly donated: readonly boolean[]
}

/** Memory of a tensor on a device. The handle is opaque; only its own device looks inside. */
export interface Storage {
  readonly device: Device
  readonly aval: Aval
  /** Null while usable, else why not (donated, released), with the place that did it. */
  gone(): string | null
  /** The elements in doubles, not to be written, where the device holds them on the host; throws where they are gone. */
  values?(): Float64Array
}

/** A matrix of elements as it lies on the host, and where each belongs in a tensor that is put together there. */
export interface Piece {
  /** Row-major, `rows` of `columns` each; not to be written to until `put` has ended. */
  readonly bytes: Uint8Array
  /** That of the tensor; or bf16 where the tensor is f32, which has all of its numbers. */
  readonly dtype: DType
  readonly rows: number
  readonly columns: number
  /** Element (r, c) becomes element `at + r rowStride + c columnStride` of the tensor. */
  readonly at: number
  readonly rowStride: number
  readonly columnStride: number
}

/** A tensor that is put together in a device's memory, without a copy of it on the host. The memory is held until `finish` or `abandon` is called. */
export interface Assembly {
  /** Copies a piece to its place. Several may be under way. Throws for one that does not fit. */
  readonly put: (piece: Piece) => Promise<void>
  /** What was put is the tensor from now on; what was not is undefined. To be called when no piece is under way, and once. */
  readonly finish: () => Storage
  /** Gives the memory back instead. */
  readonly abandon: () => void
}

/** Given, once, what each step of a program (a kernel, a copy, a loop with all its rounds) takes in a call, in milliseconds. */
export type StepTimer = (ms: TaskEither<DeviceError, readonly number[]>) => void

/** A graph as a device runs it. */
export interface Executable {
  /**
   * Runs on `inputs` (in the graph's order) and returns at once; the results may still be in the making, and a failure
   * shows when one of them is read. Donated inputs are gone afterwards. Where `timed` is given, it goes
   * through its program step by step and tells what each took: `untimed` was asked before, and knew no reason against it.
   */
  readonly run: (inputs: readonly Storage[], timed?: StepTimer) => readonly Storage[]
  /** The schedule; null where the device interprets the graph. */
  readonly program: Program | null
  /** Makes ready to tell what its steps take; why it cannot, or null where it can. Never rejects. Null where nothing has to be made ready. */
  readonly untimed: Task<string | null> | null
  /** Bytes that it holds for itself as long as it lives: constants, memory of its own, its code (an estimate). */
  readonly bytes: number
  /** Gives up what it holds now rather than when it is collected; to run it afterwards is an error. */
  readonly release: () => void
}

/** An executor: compiles graphs, holds tensors, and runs. Obtained by `requestDevice`. */
export interface Device {
  readonly kind: 'webgpu' | 'native' | 'wasm' | 'reference'
  /** For people: adapter or engine. */
  readonly label: string
  /** Schedules a graph and prepares its kernels; `jit` and `realize` call it. */
  readonly compile: (graph: Computation) => Executable
  /** Copies host data to the device. */
  readonly upload: (data: HostArray, aval: Aval) => Storage
  /** Memory for a tensor whose elements come piece by piece; absent where that is no better than `upload`. */
  readonly assemble?: (aval: Aval) => Assembly
  /** Copies a storage to the host, when all work it depends on is done. */
  readonly download: (storage: Storage) => TaskEither<DeviceError, HostArray>
  /** Frees a storage now rather than when it is collected; using it afterwards is an error. */
  readonly release: (storage: Storage) => void
  /**
   * Waits while the device is far behind the work that it was handed, which it keeps until it is done; at once where it is
   * not, or is lost. `realize` awaits it, so that a loop that never reads does not run ever further ahead.
   */
  readonly pace: () => Promise<void>
  /** The counters now. */
  readonly stats: () => DeviceStats
  /** Why it can no longer be used (lost, or destroyed); null while it can. */
  readonly lost: () => DeviceError | null
  /**
   * Gives up the device, its programs and all memory on it; using it or one of its tensors afterwards is an error. Reads
   * that are under way end in DeviceLost. Once is as good as twice.
   */
  readonly destroy: () => Promise<void>
}

/** What a task gives; a rejection with DeviceFailure where it fails. */
export const succeeded = async <A>(task: TaskEither<DeviceError, A>): Promise<A> => {
  const done = await task()
  if (done._tag === 'Left') throw new DeviceFailure(done.left)
  return done.right
}

/** Throws TypeError where what was given for a device is none: its name, a promise of one, a task that was not run. */
export const demandDevice = (op: string, value: unknown): void => {
  if (typeof value === 'object' && value !== null && 'compile' in value && 'download' in value) return
  const cure =
    typeof value === 'string'
      ? `Open it: await requestDeviceAsync({ kind: '${value}' })`
      : value instanceof Promise
        ? 'Await it first'
        : typeof value === 'function'
          ? 'A task runs when it is called; for scripts there is await requestDeviceAsync()'
          : 'Give what await requestDeviceAsync() returns'
  throw new TypeError(`${op}: the device is ${shown(value)}, not a device. ${cure}.`)
}
