import { afterEach, describe, expect, it, vi } from 'vitest'
import { spawner } from './spawn.ts'

/** What a thread is started with, and what becomes of it. */
class Fake {
  static readonly made: Fake[] = []
  readonly given: readonly unknown[]
  readonly sent: unknown[] = []
  onerror: ((event: { readonly message?: string }) => void) | null = null
  addEventListener(_: 'error', listener: (event: { readonly message?: string }) => void): void {
    this.onerror = listener
  }
  references = 1
  listener: ((error: unknown) => void) | null = null
  constructor(...given: readonly unknown[]) {
    this.given = given
    Fake.made.push(this)
  }
  postMessage(message: unknown): void {
    this.sent.push(message)
  }
  on(event: string, listener: (error: unknown) => void): void {
    if (event === 'error') this.listener = listener
  }
  unref(): void {
    this.references--
  }
}
const builtin = (module: unknown): void => {
  vi.stubGlobal('process', { ...process, getBuiltinModule: () => module })
}
const started = (): { readonly thread: Fake; readonly failures: unknown[] } => {
  const failures: unknown[] = []
  spawner()!('text', (error) => failures.push(error)).post('hello')
  return { thread: Fake.made.at(-1)!, failures }
}

describe('threads are started', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it('in Node from their text, with no flags of the process, and hold it not', () => {
    builtin({ Worker: Fake })
    const { thread, failures } = started()
    expect(thread.given[0]).toBe('text')
    expect(thread.given[1]).toMatchObject({ eval: true, execArgv: [] })
    expect(thread.references).toBe(0)
    expect(thread.sent).toEqual(['hello'])
    thread.listener!('why')
    expect(failures).toEqual(['why'])
  })

  it('on an isolated page from a Blob', async () => {
    builtin(undefined)
    vi.stubGlobal('Worker', Fake)
    expect(spawner()).toBeNull()
    vi.stubGlobal('crossOriginIsolated', true)
    const { thread, failures } = started()
    expect(await (await fetch(String(thread.given[0]))).text()).toBe('text')
    expect(thread.sent).toEqual(['hello'])
    thread.onerror!({ message: 'why' })
    expect(failures).toEqual([new Error('why')])
  })

  it('nowhere without memory that they could share', () => {
    vi.stubGlobal('SharedArrayBuffer', undefined)
    expect(spawner()).toBeNull()
  })
})
