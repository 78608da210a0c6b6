/** The curves of a run, and its figures now. */
import { chart, type Chart } from '../shared/chart.ts'
import { chartGroup, type ChartGroup } from '../shared/chart-group.ts'
import { element } from '../../../../packages/report/browser/index.ts'
import type { Curve } from '../shared/legend.ts'
import type { TrainEvent } from './events.ts'

const LEARNING: Curve = { name: 'learning', colour: 'c0' }
const CONTROL: Curve = { name: 'control', colour: 'c1', as: 'dashes' }
const EXAM: Curve = { name: 'held out', colour: 'c2', as: 'points' }
const CONTROL_EXAM: Curve = { name: 'control, held out', colour: 'c4', as: 'points' }

const ACCURACY = 'Right answers'
/** What is drawn of a step: title, name of the metric, bounds. */
const CURVES: readonly (readonly [title: string, metric: string, range?: readonly [number, number]])[] = [
  [ACCURACY, 'rewards/correct/mean', [0, 1]],
  ['Reward', 'reward'],
  ['KL from the cold start, nats a token', 'kl'],
  ['Entropy, nats a token', 'entropy'],
  ['Length, tokens', 'completions/mean_length'],
  ['Groups without a difference', 'frac_reward_zero_std', [0, 1]],
]
const THINKS = 'Thinks, held out'
const COLD = 'Cold start: loss, nats a token'

/** The figures that stand above the curves. */
const FIGURES: readonly (readonly [name: string, metric: string])[] = [
  ['Right answers', 'rewards/correct/mean'],
  ['Reward', 'reward'],
  ['KL', 'kl'],
  ['Entropy', 'entropy'],
  ['Length', 'completions/mean_length'],
]

export interface Board {
  readonly show: (event: TrainEvent) => void
  /** Empty again, for a run with a control beside it or without. */
  readonly clear: (control: boolean) => void
}

export const board = (place: HTMLElement, figures: HTMLElement): Board => {
  const charts = new Map<string, Chart>()
  const [grpo, cold] = [chartGroup('grpo'), chartGroup('cold')]
  const add = (title: string, group: ChartGroup, curves: readonly Curve[], range?: readonly [number, number]): void => {
    const made = chart({ title, x: 'step', whole: true, curves, group, ...(range === undefined ? {} : { range }) })
    charts.set(title, made)
    place.append(made.element)
  }
  for (const [title, , range] of CURVES) add(title, grpo, title === ACCURACY ? [LEARNING, EXAM] : [LEARNING], range)
  add(THINKS, grpo, [LEARNING], [0, 1])
  add(COLD, cold, [{ ...LEARNING, name: 'loss' }])

  const cells = new Map<string, HTMLElement>()
  for (const name of ['Step', ...FIGURES.map(([name]) => name), 'Held out']) {
    const value = element('dd', {}, '–')
    cells.set(name, value)
    figures.append(element('div', {}, element('dt', {}, name), value))
  }
  const say = (name: string, text: string): void => cells.get(name)?.replaceChildren(text)
  const number = (x: number | undefined): string => (x === undefined ? '–' : x.toFixed(3))

  return {
    show: (event) => {
      if (event.type === 'cold') charts.get(COLD)?.put(event.step, { loss: event.loss })
      if (event.type === 'exam') {
        const name = event.run === 'trained' ? EXAM.name : CONTROL_EXAM.name
        charts.get(ACCURACY)?.put(event.step, { [name]: event.accuracy })
        charts.get(THINKS)?.put(event.step, { [event.run === 'trained' ? LEARNING.name : CONTROL.name]: event.thinks })
        if (event.run === 'trained') say('Held out', number(event.accuracy))
      }
      if (event.type === 'step') {
        const name = event.run === 'trained' ? LEARNING.name : CONTROL.name
        for (const [title, metric] of CURVES) {
          const value = event.metrics[metric]
          if (value !== undefined) charts.get(title)?.put(event.step, { [name]: value })
        }
        if (event.run !== 'trained') return
        say('Step', String(event.step))
        for (const [title, metric] of FIGURES) say(title, number(event.metrics[metric]))
      }
    },
    clear: (control) => {
      const beside = control ? [CONTROL] : []
      for (const [title] of CURVES)
        charts
          .get(title)
          ?.clear(
            title === ACCURACY
              ? [LEARNING, EXAM, ...beside, ...(control ? [CONTROL_EXAM] : [])]
              : [LEARNING, ...beside],
          )
      charts.get(THINKS)?.clear([LEARNING, ...beside])
      charts.get(COLD)?.clear()
      for (const [, cell] of cells) cell.replaceChildren('–')
    },
  }
}
