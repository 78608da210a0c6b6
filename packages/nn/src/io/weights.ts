/**
 * Weights in files: what each tensor is, is known from the header; its elements are read when they are asked for, so that a file far
 * larger than memory loads tensor by tensor.
 */
import type { DType, HostArray, Shape } from '@adjoint/tensor'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { CheckpointError } from './checkpoint.ts'

/** A tensor in a file. */
export interface StoredTensor {
  /** The file's own word for its elements: `F32`, `BF16`, `Q4_1`. */
  readonly dtype: string
  readonly shape: Shape
  /** Bytes in the file. */
  readonly bytes: number
  /**
   * Reads its elements and nothing else of the file, as elements of `dtype`. Left: the file system failed, the file was cut, or its
   * elements are none of `dtype`.
   */
  readonly read: (dtype: DType) => TaskEither<CheckpointError, HostArray>
}

/** The tensors of a file, or of the files of one model, by their names there. */
export interface Weights {
  readonly path: string
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** What the file says beside its tensors: `__metadata__` of safetensors, the key-value pairs of GGUF. */
  readonly metadata: Readonly<Record<string, unknown>>
}
