/**
 * Adjoint in one package: tensors and their derivatives here, layers as `adjoint/nn`, reinforcement learning as `adjoint/rl`.
 *
 * @packageDocumentation
 */
export * from '@adjoint/tensor'
export * from '@adjoint/autograd'
