/** All of `random`: keys, bits and the draws that are made of them. */
export * from '../random.ts'
export * from './distributions.ts'
