import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createNetwork } from './network.ts'

interface Edge {
  readonly from: number
  readonly to: number
  readonly capacity: number
}
const SIZE = 6
const edges: fc.Arbitrary<readonly Edge[]> = fc.array(
  fc.record({ from: fc.nat(SIZE - 1), to: fc.nat(SIZE - 1), capacity: fc.nat(9) }),
  { maxLength: 16 },
)
/** What crosses into `below`. */
const crossing = (of: readonly Edge[], below: ReadonlySet<number>): number =>
  of.reduce((n, { from, to, capacity }) => n + (!below.has(from) && below.has(to) ? capacity : 0), 0)

it('a cut is the least of all, and the nearest to the sink of these', () => {
  fc.assert(
    fc.property(edges, (of) => {
      const network = createNetwork()
      const vertices = Array.from({ length: SIZE }, () => network.vertex())
      for (const { from, to, capacity } of of) network.join(vertices[from]!, vertices[to]!, capacity)
      const [source, sink] = [vertices[0]!, vertices[SIZE - 1]!]
      const below = network.belowCut(source, sink)
      const all = Array.from({ length: 2 ** SIZE }, (_, bits) => new Set(vertices.filter((v) => (bits >> v) & 1)))
      const cuts = all.filter((set) => set.has(sink) && !set.has(source))
      const least = Math.min(...cuts.map((set) => crossing(of, set)))
      expect(crossing(of, below)).toBe(least)
      const smallest = cuts.filter((set) => crossing(of, set) === least).sort((p, q) => p.size - q.size)[0]!
      expect([...below].sort()).toEqual([...smallest].sort())
    }),
    { seed: 5, numRuns: 300 },
  )
})
