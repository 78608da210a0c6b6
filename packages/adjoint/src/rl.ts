/** All of `@adjoint/rl`: `import * as rl from 'adjoint/rl'`, of which a bundle holds what is used. */
export * from '@adjoint/rl'
