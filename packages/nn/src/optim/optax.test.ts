// Optimizers against optax 0.2.8 (jax 0.10.2, single precision, CPU): parameters b and w after three steps along the gradients below.
import { presentDevices } from '@adjoint/testing'
import { afterAll, describe, expect, test } from 'vitest'
import {
  adafactor,
  adam,
  adamW,
  chain,
  clipByBlockRms,
  ema,
  type GradientTransformation,
  lamb,
  lion,
  masked,
  momentum,
  muon,
  opaque,
  partition,
  reduceOnPlateau,
  rmsprop,
  scale,
  scaleByTrustRatio,
  sgd,
} from '../index.ts'
import { full, scalar } from '@adjoint/tensor'
import { follow, followOn, leavesOf, near, values } from './steps.support.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const leaves = (b: readonly number[], w: readonly number[]) =>
  leavesOf({ b: { shape: [3], data: b }, w: { shape: [2, 3], data: w } })
const start = leaves([0.1, -0.2, 0], [0.5, -1, 2, 1.5, 0.25, -0.75])
const gradients = [
  leaves([0.3, 0, -0.1], [1, -2, 0.5, 0, 3, -1]),
  leaves([0.2, 0, 0.4], [-0.5, 1, 0.25, 2, -1, 0.125]),
  leaves([-0.6, 0, 0.2], [2, 0.5, -1, 0.25, -0.5, 4]),
]

const table: readonly (readonly [string, GradientTransformation, readonly number[]])[] = [
  [
    'nadam',
    opaque(adam({ learningRate: 0.1, nesterov: true })),
    [-0.08366088, -0.2, -0.03539857, 0.2666725, -0.878717, 1.830928, 1.324603, 0.09631786, -0.6739637],
  ],
  [
    'nadamw',
    opaque(adamW({ learningRate: 0.1, nesterov: true, weightDecay: 0.1 })),
    [-0.08267315, -0.1940598, -0.0372562, 0.2545898, -0.8517836, 1.77538, 1.281265, 0.09184234, -0.6548895],
  ],
  [
    'lion',
    opaque(lion({ learningRate: 0.1, weightDecay: 0.1 })),
    [1.99005e-5, -0.1940598, -0.10099, 0.3861395, -1.071289, 1.843588, 1.256449, 0.3435647, -0.8287143],
  ],
  [
    'rmsprop',
    opaque(rmsprop({ learningRate: 0.1 })),
    [-0.120962, -0.2, -0.135766, 0.04935625, -0.9066778, 1.818188, 1.142463, 0.09302577, -0.7834678],
  ],
  [
    'rmsprop centered',
    opaque(rmsprop({ learningRate: 0.1, decay: 0.8, eps: 1e-4, centered: true })),
    [-0.1110127, -0.2, -0.1124279, 0.1318003, -0.9189097, 1.825217, 1.215207, 0.1231146, -0.7697721],
  ],
  [
    'rmsprop momentum',
    opaque(rmsprop({ learningRate: 0.1, momentum: 0.9 })),
    [-0.8253475, -0.2, 0.1280577, -0.3586954, -0.4986262, 1.144741, 0.8578576, -0.353378, -0.279897],
  ],
  [
    'rmsprop nesterov',
    opaque(rmsprop({ learningRate: 0.1, momentum: 0.9, nesterov: true })),
    [-0.9537748, -0.2, -0.02051407, -0.7234695, -0.4554415, 1.048455, 0.5645345, -0.4500144, -0.3603752],
  ],
  [
    'lamb',
    opaque(lamb({ learningRate: 0.1, weightDecay: 0.1 })),
    [0.07000429, -0.1986919, -0.01549815, 0.189056, -0.787239, 1.692654, 1.18277, 0.02249596, -0.618791],
  ],
  [
    'adafactor factored',
    opaque(adafactor({ learningRate: 0.1, minFactored: 2 })),
    [0.09414165, -0.2, -0.01253369, 0.1795699, -1.017069, 1.913933, 1.331166, 0.2130223, -0.8044116],
  ],
  [
    'adafactor full',
    opaque(adafactor({ learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, relative: false })),
    [0.06888701, -0.1940598, -0.004980142, 0.4574047, -0.959979, 1.914721, 1.42848, 0.227671, -0.7189687],
  ],
  [
    'muon',
    opaque(muon({ learningRate: 0.1, weightDecay: 0.1 })),
    [-0.08366088, -0.2, -0.03539857, 0.32794, -0.9827098, 1.887672, 1.298377, 0.1542681, -0.8056491],
  ],
  [
    'muon plain',
    opaque(muon({ learningRate: 0.1, nesterov: false, beta: 0.9, consistentRms: 0.2 })),
    [-0.08087714, -0.2, -0.02275172, 0.4254888, -0.9617289, 1.993797, 1.460427, 0.2078558, -0.7604148],
  ],
  [
    'ema',
    opaque(chain(ema({ decay: 0.9 }), scale(-0.1))),
    [0.05179454, -0.2, -0.02399106, 0.2918625, -0.7497767, 1.926811, 1.319091, -0.177481, -0.731074],
  ],
  [
    'ema biased',
    opaque(chain(ema({ decay: 0.9, debias: false }), scale(-0.1))),
    [0.09407, -0.2, -0.006890001, 0.4624, -0.9698, 1.9917, 1.4595, 0.1927, -0.7652751],
  ],
  [
    'trust',
    opaque(chain(scaleByTrustRatio({ coefficient: 0.5, eps: 0.1 }), scale(-0.1))),
    [0.09686965, -0.2, -0.00834327, 0.4330407, -0.9966917, 1.997895, 1.386045, 0.2111069, -0.8371818],
  ],
  [
    'clip block',
    opaque(chain(clipByBlockRms(1), scale(-0.1))),
    [0.11, -0.2, -0.05, 0.3804606, -0.9982981, 1.997045, 1.292067, 0.1855731, -0.9104484],
  ],
  [
    'partition',
    opaque(
      partition({
        adam: adamW({ learningRate: 0.1, weightDecay: 0.1 }),
        sgd: sgd({ learningRate: 0.5, momentum: 0.9 }),
      })({ w: 'adam', b: 'sgd' }),
    ),
    [-0.1965, -0.2, -0.3445, 0.2949621, -0.8397837, 1.770939, 1.316775, 0.08437338, -0.6241812],
  ],
  [
    'masked',
    opaque(chain(masked({ w: true, b: false })(momentum({ decay: 0.9 })), scale(-0.1))),
    [0.11, -0.2, -0.05, 0.124, -0.698, 1.917, 1.095, -0.323, -0.90275],
  ],
]

describe('optimizers are those of optax', () => {
  test.each(table)('%s', async (_, optimizer, wanted) => {
    near(values(follow(optimizer, start, gradients)[0]), wanted, 4)
    for (const device of devices) near(await followOn(device, optimizer, start, gradients), wanted, 4)
  })
})

test.each([
  [
    'with a cooldown',
    { factor: 0.5, patience: 2, cooldown: 1 },
    [3, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1],
    [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125],
  ],
  [
    'by windows of two, down to a least scale',
    { factor: 0.5, patience: 1, window: 2, relative: 0, absolute: 0.1, least: 0.2 },
    [3, 1, 2, 2, 3, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2],
  ],
])('reduceOnPlateau %s: its scale is that of optax', (_, config, losses, wanted) => {
  const [plateau, g] = [reduceOnPlateau(config), { x: full([1], 1) }]
  let state = plateau.init(g)
  const scales = losses.map((loss) => {
    const [updates, next] = plateau.update(g, state, g, { value: scalar(loss) })
    state = next
    return values(updates)[0]!
  })
  near(scales, wanted)
  expect(scales).toHaveLength(12)
})
