/** All of `@adjoint/nn`: `import * as nn from 'adjoint/nn'`, of which a bundle holds what is used. */
export * from '@adjoint/nn'
