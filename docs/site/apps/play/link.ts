/** A program in an address: deflated, in the base64 of addresses, behind the #. */

const through = async (bytes: Uint8Array<ArrayBuffer>, by: ReadableWritablePair<Uint8Array, BufferSource>) =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(by)).arrayBuffer())

/** The part of an address that carries the program. */
export const hashOf = async (program: string): Promise<string> => {
  const bytes = await through(new TextEncoder().encode(program), new CompressionStream('deflate-raw'))
  const text = btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''))
  return `#code=${text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`
}

/** The program of an address; null where it carries none. Rejects where it was cut or is no program. */
export const programOf = async (hash: string): Promise<string | null> => {
  const text = /^#code=([\w-]+)$/.exec(hash)?.[1]
  if (text === undefined) return null
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
  return new TextDecoder('utf-8', { fatal: true }).decode(await through(bytes, new DecompressionStream('deflate-raw')))
}
