/**
 * Ways of writing a training loop, each as a user would. Whatever the way, nothing of a step that is over may be held:
 * the state has one size, so memory does too.
 */
import { grad, valueAndGrad } from '@adjoint/autograd'
import {
  add,
  type Device,
  full,
  jit,
  mul,
  readAsync,
  realizeAsync,
  type Scalar,
  scalar,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
} from '@adjoint/tensor'

/** A loop about to run: its state lies in the closure, and each call is one step. */
export type Step = (i: number) => Promise<void>

export interface Loop {
  readonly name: string
  /** Steps before bounded caches are full, and memory may be asked to stay where it is. */
  readonly settles?: number
  /** Makes the first state on `device`, of `size` numbers. */
  readonly start: (device: Device, size: number) => Promise<Step>
}

const RATE = 0.01
const loss = (w: Tensor): Scalar => sum()(square(sub(w, 1))) as Scalar
const descend = (w: Tensor): Tensor => sub(w, mul(grad(loss)(w), RATE))
const weights = (device: Device, size: number): Promise<Tensor> => realizeAsync(full([size], 0.5), device)

const lazy: Loop = {
  name: 'built anew each step, realized',
  start: async (device, size) => {
    let w = await weights(device, size)
    return async () => {
      w = await realizeAsync(descend(w), device)
    }
  },
}

const compiled: Loop = {
  name: 'jit, not donated',
  start: async (device, size) => {
    const step = jit(descend, { device })
    let w = await weights(device, size)
    return async () => {
      w = await realizeAsync(step(w), device)
    }
  },
}

const donated: Loop = {
  name: 'jit, donated',
  start: async (device, size) => {
    const step = jit(descend, { device, donate: [0] })
    let w = await weights(device, size)
    return async () => {
      w = await realizeAsync(step(w), device)
    }
  },
}

const lossRead: Loop = {
  name: 'jit, not donated, its loss read each step',
  start: async (device, size) => {
    const step = jit(
      (w: Tensor) => {
        const [value, slope] = valueAndGrad(loss)(w)
        return [value, sub(w, mul(slope, RATE))] as const
      },
      { device },
    )
    let w = await weights(device, size)
    return async () => {
      const [value, next] = step(w)
      w = next
      await readAsync(value)
    }
  },
}

const lossReadLazily: Loop = {
  name: 'built anew each step, its loss read besides',
  start: async (device, size) => {
    let w = await weights(device, size)
    return async () => {
      const [value, slope] = valueAndGrad(loss)(w)
      w = await realizeAsync(sub(w, mul(slope, RATE)), device)
      await readAsync(value, device)
    }
  },
}

const closure: Loop = {
  name: 'a loss that closes over the last state',
  start: async (device, size) => {
    let w = await weights(device, size)
    return async () => {
      const last = w
      const near = (v: Tensor): Scalar => sum()(add(square(sub(v, 1)), square(sub(v, last)))) as Scalar
      w = await realizeAsync(sub(last, mul(grad(near)(last), RATE)), device)
    }
  },
}

const closureCompiled: Loop = {
  name: 'a jit made each step, over the last state',
  // Each function has a program of its own; devices remember kernels by their source.
  start: async (device, size) => {
    let w = await weights(device, size)
    return async () => {
      const last = w
      const step = jit((v: Tensor) => add(descend(v), mul(sub(v, last), RATE)), { device })
      w = await realizeAsync(step(last), device)
    }
  },
}

const leaves: Loop = {
  name: 'state with host constants and lazy leaves',
  start: async (device, size) => {
    let state = { w: await weights(device, size), rate: scalar(RATE), step: add(scalar(0), 0), seen: tensor([0, 0]) }
    return async (i) => {
      const { w, rate, step } = state
      const next = await realizeAsync(sub(w, mul(grad(loss)(w), rate)), device)
      await readAsync(step, device)
      state = { w: next, rate: scalar(RATE / (1 + i)), step: add(scalar(i), 1), seen: tensor([i, i + 1]) }
    }
  },
}

const made: Loop = {
  name: 'a state made by a function of the last one',
  start: async (device, size) => {
    // What the step leaves behind closes over what it was given: one step back, never two.
    const after = (w: Tensor) => ({ w, lr: scalar(RATE), next: () => sub(w, mul(grad(loss)(w), RATE)) })
    let state = after(await weights(device, size))
    return async () => {
      const w = await realizeAsync(state.next(), device)
      state = after(w)
    }
  },
}

const lazyArguments: Loop = {
  name: 'jit of lazy arguments',
  start: async (device, size) => {
    const step = jit((w: Tensor, x: Tensor, rate: Tensor) => sub(w, mul(mul(grad(loss)(w), rate), x)), { device })
    let w = await weights(device, size)
    return async (i) => {
      w = await realizeAsync(step(mul(w, 1.0001), full([size], 1), add(scalar(RATE), i * 1e-9)), device)
    }
  },
}

const batches: Loop = {
  name: 'jit, donated, of host batches, its loss read each step',
  start: async (device, size) => {
    const step = jit(
      (w: Tensor, x: Tensor) => {
        const [value, slope] = valueAndGrad((v: Tensor) => sum()(square(sub(v, x))) as Scalar)(w)
        return [value, sub(w, mul(slope, RATE))] as const
      },
      { device, donate: [0] },
    )
    let w = await weights(device, size)
    return async (i) => {
      const [value, next] = step(w, tensor(new Float32Array(size).fill(i % 7), [size]))
      w = next
      await readAsync(value)
    }
  },
}

const shapes: Loop = {
  name: 'ever new shapes',
  settles: 300,
  start: (device) => {
    const program = jit((x: Tensor) => sum()(descend(x)), { device })
    const step: Step = async (i) => {
      if (i % 2 === 0) await readAsync(program(full([i + 1], 1)))
      else await readAsync(sum()(descend(full([i + 1, 2], 1))), device)
    }
    return Promise.resolve(step)
  },
}

const throws: Loop = {
  name: 'a step that throws now and then',
  start: async (device, size) => {
    const step = jit(descend, { device, donate: [0] })
    let w = await weights(device, size)
    let last: unknown = null
    return async (i) => {
      const old = w
      w = await realizeAsync(step(old), device)
      if (i % 2 === 0) return
      try {
        // its memory was given away: an error of the program, thrown with other arguments bound already
        await realizeAsync(add(mul(full([size], i), w), old), device)
      } catch (error) {
        last = error
      }
      if (!(last instanceof Error)) throw new Error('a tensor was used after it was donated, and nothing was said')
    }
  },
}

export const loops: readonly Loop[] = [
  lazy,
  compiled,
  donated,
  lossRead,
  lossReadLazily,
  closure,
  closureCompiled,
  leaves,
  made,
  lazyArguments,
  batches,
  shapes,
  throws,
]
