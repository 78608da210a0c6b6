/** Transformations take functions and give functions, so they nest in any order. */
import { grad, hessian, vmap } from '@adjoint/autograd'
import { exp, jit, linspace, mul, readAsync, type Scalar, sin, sum, tensor, type Tensor } from '@adjoint/tensor'
import { plot } from 'playground'

const f = (x: Scalar): Scalar => mul(sin(mul(x, 4)), exp(mul(x, -0.5)))

// One program for the function and its first two derivatives, each on 200 points at once.
const x = linspace(0, 4, 200)
const all = jit((points: Tensor<readonly [200], 'f32'>) => [
  vmap(f)(points),
  vmap(grad(f))(points),
  vmap(grad(grad(f)))(points),
])
const [xs, values, slopes, curvatures] = await Promise.all([x, ...all(x)].map((t) => readAsync(t)))
xs!.forEach((at, i) =>
  plot('a damped wave', at, { 'f(x)': values![i]!, "f'(x)": slopes![i]!, "f''(x)": curvatures![i]! }),
)

const g = (v: Tensor<readonly [3], 'f32'>): Scalar => sum()(mul(v, mul(v, v)))
console.log('the Hessian of the sum of cubes at (1, 2, 3):')
console.log(await readAsync(hessian(g)(tensor([1, 2, 3], [3]))))
console.log('not computed yet:', mul(x, 2))
