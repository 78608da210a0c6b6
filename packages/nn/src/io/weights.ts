/**
 * Weights in files: what each tensor is, is known from the header; its elements are read when they are asked for, so that a file far
 * larger than memory loads tensor by tensor.
 */
import type { DType, HostArray, Shape } from '@adjoint/tensor'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { FloatDType } from '../optim/mixed.ts'
import type { CheckpointError } from './failure.ts'

/** Elements as the memory of devices has them: of f16 and bf16 in two bytes, of f32 in four. */
export interface StoredBits {
  readonly bytes: Uint8Array
  readonly dtype: FloatDType
}

/** Where a range of elements is read to: its bytes in the file, and what they are decoded to. */
export interface BitsRoom {
  readonly stored: Uint8Array<ArrayBuffer>
  readonly decoded: Float32Array<ArrayBuffer>
}

/** A tensor in a file. */
export interface StoredTensor {
  /** The file's own word for its elements: `F32`, `BF16`, `Q4_1`. */
  readonly dtype: string
  readonly shape: Shape
  /** Bytes in the file. */
  readonly bytes: number
  /**
   * Reads its elements and nothing else of the file, as elements of `dtype`: floats of any kind as f32, f16 or bf16, rounded to the
   * nearest (ties to even) where they are not of that kind already; integers of any width as i32 or u32; BOOL as bool. Left: the file
   * system failed (`FileSystem`), the file was cut (`Corrupt`), or its elements are none of `dtype` (`Unsupported`: another kind, or
   * one is out of its range). Throws where the files are closed already. Where `into` is given, they are written there: an array of the
   * dtype's kind and as many elements, which is then what is returned. Throws RangeError or TypeError where it is another.
   */
  readonly read: (dtype: DType, into?: HostArray) => TaskEither<CheckpointError, HostArray>
  /**
   * Reads `count` elements from the `first` on, of a quantised tensor whole blocks, as bits of `dtype`; those of a file that has BF16 stay so where f32 is
   * asked for. The bytes are in `room`, which has place for them: until it is used again. Left: as of `read`.
   */
  readonly bits: (
    dtype: FloatDType,
    first: number,
    count: number,
    room: BitsRoom,
  ) => TaskEither<CheckpointError, StoredBits>
}

/** The tensors of a file, or of the files of one model, by their names there. */
export interface Weights {
  /** As it was given: a file or a folder. */
  readonly path: string
  readonly format: 'safetensors' | 'gguf'
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /**
   * What the file says beside its tensors: `__metadata__` of safetensors (of all shards, and what their index says), the key-value
   * pairs of GGUF: texts, truth values, numbers (bigint where a number would not be exact), and lists of them.
   */
  readonly metadata: Readonly<Record<string, unknown>>
}
