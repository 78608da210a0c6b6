/** CRC-32C (Castagnoli; RFC 3720, appendix B.4), and masked, as TFRecord files hold it. */

/** The polynomial 0x1EDC6F41 with its bits reversed. */
const POLYNOMIAL = 0x82f63b78

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let c = byte
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1
  return c
})

/** The checksum of bytes. */
export const crc32c = (bytes: Uint8Array): number =>
  ~bytes.reduce((c, byte) => TABLE[(c ^ byte) & 0xff]! ^ (c >>> 8), 0xffffffff) >>> 0

/** Rotated by 15 bits and moved: the checksum of a text that holds checksums would be weak otherwise. */
export const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
