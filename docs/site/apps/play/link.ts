/** A program in an address: deflated, in the base64 of addresses, behind the #. */

const through = async (bytes: Uint8Array<ArrayBuffer>, by: ReadableWritablePair<Uint8Array, BufferSource>) =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(by)).arrayBuffer())

/** The part of an address that carries the program. */
export const hashOf = async (program: string): Promise<string> => {
  const bytes = await through(new TextEncoder().encode(program), new CompressionStream('deflate-raw'))
  const text = btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''))
  return `#code=${text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`
}

/** What an address carries that was cut, or is no program. */
export const DAMAGED = Symbol('damaged')

/** The program of an address; null where it carries none. */
export const programOf = async (hash: string): Promise<string | null | typeof DAMAGED> => {
  const text = /^#code=([\w-]+)$/.exec(hash)?.[1]
  if (text === undefined) return null
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
    const program = await through(bytes, new DecompressionStream('deflate-raw'))
    return new TextDecoder('utf-8', { fatal: true }).decode(program)
  } catch {
    // No base64, nothing deflated, or no UTF-8: each of the three throws in its own way, and says no more than that.
    return DAMAGED
  }
}
