import * as autograd from '@adjoint/autograd'
import * as nnPart from '@adjoint/nn'
import * as rlPart from '@adjoint/rl'
import * as tensor from '@adjoint/tensor'
import * as adjoint from 'adjoint'
import * as nn from 'adjoint/nn'
import * as rl from 'adjoint/rl'
import { expect, test } from 'vitest'

const names = (of: object): readonly string[] => Object.keys(of).sort()

test('shows every name of its parts: none stands for two things, which would hide both', () => {
  expect(names(adjoint)).toEqual([...new Set([...names(tensor), ...names(autograd)])].sort())
  expect(names(nn)).toEqual(names(nnPart))
  expect(names(rl)).toEqual(names(rlPart))
})

test('is the same things', async () => {
  const { grad, jit, mul, scalar, readAsync } = adjoint
  const cube = (x: adjoint.Scalar): adjoint.Scalar => mul(x, mul(x, x))
  expect(await readAsync(jit(grad(cube))(scalar(2)))).toEqual(new Float32Array([12]))
  expect(grad).toBe(autograd.grad)
})
