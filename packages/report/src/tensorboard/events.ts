/**
 * TensorBoard's event files: TFRecords (length, masked checksum of the length, data, masked checksum of the data, all
 * little-endian), each of which holds an `Event` as a protocol buffer (tensorflow/core/util/event.proto and
 * framework/summary.proto, of which these are the fields that scalars need).
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { crc32c, masked } from './crc32c.ts'

/** What an event says. */
export type EventData =
  /** The first of each file. */
  | { readonly version: 'brain.Event:2' }
  /** A run goes on from this step: whatever a file before says of later ones counts no more. */
  | { readonly restarts: true }
  /** Numbers by their tags. */
  | { readonly scalars: readonly (readonly [tag: string, value: number])[] }

/** An event: when, in seconds since 1970, after how many steps, and what. */
export type TensorBoardEvent = { readonly time: number; readonly step: number } & EventData

/** SessionLog.SessionStatus.START. */
const START = 1

/** An event as a protocol buffer. */
export const eventBytes = (event: TensorBoardEvent): Uint8Array => {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.Bit64).double(event.time)
  writer.tag(2, WireType.Varint).int64(event.step)
  if ('version' in event) writer.tag(3, WireType.LengthDelimited).string(event.version)
  else if ('restarts' in event)
    writer.tag(7, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(START).join()
  else {
    writer.tag(5, WireType.LengthDelimited).fork()
    for (const [tag, value] of event.scalars)
      writer
        .tag(1, WireType.LengthDelimited)
        .fork()
        .tag(1, WireType.LengthDelimited)
        .string(tag)
        .tag(2, WireType.Bit32)
        // It is held as f32: what is larger is infinite there.
        .float(Math.fround(value))
        .join()
    writer.join()
  }
  return writer.finish()
}

/** Data as a TFRecord. */
export const tfRecord = (data: Uint8Array): Uint8Array => {
  const record = new Uint8Array(16 + data.length)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(crc32c(record.subarray(0, 8))), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, masked(crc32c(data)), true)
  return record
}

/** Events as the bytes of a file, without its first. */
export const recordsOf = (events: readonly TensorBoardEvent[]): Uint8Array =>
  new Uint8Array(Buffer.concat(events.map((event) => tfRecord(eventBytes(event)))))

/** The first record of a file. */
export const firstRecord = (time: number): Uint8Array => recordsOf([{ time, step: 0, version: 'brain.Event:2' }])
