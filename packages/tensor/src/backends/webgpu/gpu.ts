/**
 * Where WebGPU comes from: `navigator.gpu` in a browser, Dawn (npm `webgpu`) in Node.
 *
 * Dawn's binding has two habits. What its `create` returns must stay reachable as long as anything made from it is used:
 * it is kept here, in the module, for the life of the process (it does not keep the process alive). And while a promise
 * of its is pending it polls in a loop, by calling the global `setImmediate` again and again, which burns a core that a
 * software adapter needs for its own work: `patiently` slows that loop down.
 */
import { loadDawn } from '#dawn'

/** Times in units that kernels differ by: a browser rounds them to a tenth of a millisecond for its pages' privacy, which there are none of here. */
const FINE_CLOCK = 'disable-dawn-features=timestamp_quantization'
/** A list of its own takes the place of this one. */
const names = (option: string): boolean => option.startsWith('disable-dawn-features=')

/** What is asked of WebGPU here. */
type Adapters = Pick<GPU, 'requestAdapter'>

const instances = new Map<string, Promise<Adapters>>()

/** The WebGPU of a browser, whose errors come late. */
export const fromBrowser = (): GPU | undefined => (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu

/** The entry to WebGPU. Dawn takes options as `enable-dawn-features=...`; a browser takes none. Rejects where there is neither. */
export const findGpu = (options: readonly string[]): Promise<Adapters> => {
  const browser = fromBrowser()
  if (browser !== undefined) return Promise.resolve(browser)
  const key = options.join(' ')
  const known = instances.get(key)
  if (known !== undefined) return known
  const made = loadDawn().then(({ create, looking }): Adapters => {
    const gpu = create([...(options.some(names) ? [] : [FINE_CLOCK]), ...options])
    return { requestAdapter: (wanted) => looking(() => gpu.requestAdapter(wanted)) }
  })
  instances.set(key, made)
  return made
}

type Immediate = (callback: () => void) => unknown
const host = globalThis as { setImmediate?: Immediate }

/** Polls follow one another at once for so long after a wait began (ms), then a millisecond apart. */
const EAGER = 0.2
let began = 0

/**
 * The global `setImmediate` is another function exactly while Dawn's code runs inside `f`, so that nobody else sees it:
 * Dawn asks for its next poll within the call that makes a promise and within each poll, and nowhere else.
 */
const within = <T>(f: () => T): T => {
  const immediate = host.setImmediate
  if (immediate === undefined) return f()
  host.setImmediate = (poll) => {
    const next = (): void => within(poll)
    return performance.now() - began < EAGER ? immediate(next) : setTimeout(next, 1)
  }
  try {
    return f()
  } finally {
    host.setImmediate = immediate
  }
}

/** Starts something of WebGPU's that takes time. Every promise of the device is to be made inside it. */
export const patiently = <T>(start: () => Promise<T>): Promise<T> => {
  began = performance.now()
  return within(start)
}

/** Bits of the WebGPU specification, whose global objects Node does not have. */
export const usage = { mapRead: 0x1, copyFrom: 0x4, copyTo: 0x8, storage: 0x80 } as const
export const MAP_READ = 0x1
export const COMPUTE_STAGE = 0x4
