import { describe, expect, it } from 'vitest'
import { workQueue } from './queue.ts'

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describe('queue of work', () => {
  it('runs at once what need not wait, and keeps the order where something does', async () => {
    const done: string[] = []
    const queue = workQueue((error) => done.push(String(error)))
    queue.push(null, () => done.push('a'))
    expect(done).toEqual(['a'])
    let compiled = (): void => undefined
    queue.push(new Promise<void>((resolve) => (compiled = resolve)), () => done.push('b'))
    queue.push(null, () => {
      done.push('c')
      queue.push(null, () => done.push('e'))
    })
    queue.push(null, () => done.push('d'))
    await turn()
    expect(done).toEqual(['a'])
    compiled()
    await turn()
    expect(done).toEqual(['a', 'b', 'c', 'd', 'e'])
    queue.push(null, () => done.push('f'))
    expect(done.at(-1)).toBe('f')
  })

  it('goes on after work that throws and after a wait that fails, and tells each error once', async () => {
    const done: string[] = []
    const queue = workQueue((error) => done.push(error instanceof Error ? error.message : String(error)))
    const fail = (why: string) => () => {
      throw new Error(why)
    }
    queue.push(null, fail('at once'))
    queue.push(Promise.resolve(), fail('later'))
    queue.push(Promise.reject(new Error('not ready')), () => done.push('ran'))
    queue.push(null, () => done.push('last'))
    await turn()
    expect(done).toEqual(['at once', 'later', 'not ready', 'ran', 'last'])
  })

  it('flushed, waits for nothing, and can be used again', async () => {
    const done: string[] = []
    const queue = workQueue((error) => done.push(String(error)))
    const never = new Promise<void>(() => undefined)
    let late = (): void => undefined
    queue.push(new Promise<void>((resolve) => (late = resolve)), () => done.push('a'))
    queue.push(never, () => done.push('b'))
    queue.flush()
    expect(done).toEqual(['a', 'b'])
    queue.push(Promise.resolve(), () => done.push('c'))
    queue.push(null, () => done.push('d'))
    late() // the drain that waited for it finds other work there, which is not its own
    await turn()
    expect(done).toEqual(['a', 'b', 'c', 'd'])
  })

  it('waits for work that goes on, and for what that goes on with', async () => {
    const done: string[] = []
    const queue = workQueue((error) => done.push(error instanceof Error ? error.message : String(error)))
    let end = (): void => undefined
    queue.push(null, () => {
      done.push('a begins')
      queue.push(null, () => done.push('within'))
      return new Promise<void>((resolve) => (end = resolve)).then(() => done.push('a ends'))
    })
    expect(queue.idle()).toBe(false)
    queue.push(null, () => done.push('b'))
    queue.push(Promise.resolve(), () => Promise.reject(new Error('c fails')))
    queue.push(null, () => done.push('d'))
    await turn()
    expect(done).toEqual(['a begins', 'within'])
    end()
    await turn()
    expect(done).toEqual(['a begins', 'within', 'a ends', 'b', 'c fails', 'd'])
    expect(queue.idle()).toBe(true)
  })

  it('flushed, waits no longer for what has begun, and does not begin it again', async () => {
    const done: string[] = []
    const queue = workQueue((error) => done.push(error instanceof Error ? error.message : String(error)))
    let fail = (_: Error): void => undefined
    queue.push(null, () => {
      done.push('a')
      return new Promise<void>((_, reject) => (fail = reject))
    })
    queue.push(null, () => Promise.reject(new Error('b fails')))
    queue.flush()
    expect(done).toEqual(['a'])
    expect(queue.idle()).toBe(true)
    queue.push(null, () => done.push('c'))
    fail(new Error('a fails'))
    await turn()
    expect(done.toSorted()).toEqual(['a', 'a fails', 'b fails', 'c'])
  })
})
