import type { LogRecord } from '@adjoint/rl'
import { describe, expect, test } from 'vitest'
import { lineChart, renderSvg } from './charts.ts'
import { banded, curve, linesOf, thinned } from './curves.ts'
import { pageHtml } from './page.ts'

const records: readonly LogRecord[] = Array.from({ length: 10 }, (_, step) => ({
  kind: 'step',
  phase: step < 5 ? 'sft' : 'grpo',
  step: step % 5,
  reward: step / 10,
  reward_std: 0.1,
}))
const lines = linesOf(records, 'step', 'grpo')

describe('reports', () => {
  test('curves are the fields of the lines', () => {
    expect(curve(lines, 'reward').points.map((p) => p.y)).toEqual([0.5, 0.6, 0.7, 0.8, 0.9])
    expect(banded(lines, 'reward', 'reward_std').points[0]).toEqual({ x: 0, y: 0.5, low: 0.4, high: 0.6 })
    expect(curve(lines, 'missing').points).toEqual([])
    expect(thinned(curve(lines, 'reward'), 2).points.map((p) => p.x)).toEqual([1, 3, 4])
  })

  test('charts render to SVG without a browser, with their titles and curves in it', async () => {
    const svg = await renderSvg(
      lineChart({
        title: 'Reward & spread',
        x: 'GRPO step',
        y: 'reward',
        series: [banded(lines, 'reward', 'reward_std', 'train'), curve(lines, 'reward', 'held-out')],
      }),
    )
    expect(svg).toMatch(/^<svg /)
    expect(svg).toContain('Reward &amp; spread')
    expect(svg).toContain('GRPO step')
    expect(svg).toContain('held-out')
    expect(svg.match(/<path[^>]+stroke="#0068b4"/g)?.length).toBeGreaterThan(0)
  })

  test('a page escapes what it shows, and asks for nothing from outside', async () => {
    const svg = await renderSvg(lineChart({ title: 'empty', x: 'x', y: 'y', series: [{ name: 'none', points: [] }] }))
    const html = pageHtml({
      title: 'run <1>',
      sections: [
        { kind: 'text', text: 'a < b' },
        { kind: 'charts', title: 'Curves', svgs: [svg] },
        {
          kind: 'table',
          title: 'Samples',
          head: ['completion'],
          rows: [['<think>1</think><script>alert(1)</script>']],
        },
      ],
    })
    expect(html).toContain('&lt;think&gt;1&lt;/think&gt;&lt;script&gt;')
    expect(html).not.toContain('<script')
    expect(html).not.toMatch(/(?:src|href)="http/)
    expect(html).not.toContain('@import')
  })
})
