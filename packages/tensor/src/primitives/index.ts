/** Every primitive, and the list of them. */
export { primitives } from './all.ts'
export * from './raw.ts'
