/** A program in an address: deflated, in the base64 of addresses, behind the #. */

const through = async (bytes: Uint8Array<ArrayBuffer>, by: ReadableWritablePair<Uint8Array, BufferSource>) =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(by)).arrayBuffer())

/** The part of an address that carries the program. */
export const hashOf = async (program: string): Promise<string> => {
  const bytes = await through(new TextEncoder().encode(program), new CompressionStream('deflate-raw'))
  const text = btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''))
  return `#code=${text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`
}

/** What an address asks for; `damaged` where it carries a program that was cut, or is none. */
export type Asked =
  | { readonly type: 'nothing' | 'damaged' | 'unknown' }
  | { readonly type: 'example'; readonly name: string }
  | { readonly type: 'program'; readonly text: string }

const programOf = async (code: string): Promise<Asked> => {
  try {
    const bytes = Uint8Array.from(atob(code.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
    const program = await through(bytes, new DecompressionStream('deflate-raw'))
    return { type: 'program', text: new TextDecoder('utf-8', { fatal: true }).decode(program) }
  } catch {
    // No base64, nothing deflated, or no UTF-8: each of the three throws in its own way, and says no more than that.
    return { type: 'damaged' }
  }
}

export const askedBy = async (hash: string): Promise<Asked> => {
  const [, key, value] = /^#(\w+)=(.*)$/.exec(hash) ?? []
  if (hash === '' || hash === '#') return { type: 'nothing' }
  if (key === 'example' && value !== undefined) return { type: 'example', name: value }
  return key === 'code' && value !== undefined ? programOf(value) : { type: 'unknown' }
}
