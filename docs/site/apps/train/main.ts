/** The page: its form, its worker, and what becomes of the worker's events. */
import { byId, element, write } from '../../../../packages/report/browser/index.ts'
import { onTheme } from '../shared/theme.ts'
import { board as boardOf } from './board.ts'
import type { FromWorker, ToWorker, TrainEvent } from './events.ts'
import { groups as groupsOf } from './groups.ts'
import {
  AT_START,
  DEFAULTS,
  DEVICES,
  FIELDS,
  fromQuery,
  NAMES,
  parse,
  queryOf,
  type Settings,
  VARIANTS,
} from './settings.ts'

const CALLED: Readonly<Record<string, string>> = {
  grpo: 'GRPO',
  drGrpo: 'Dr. GRPO',
  dapo: 'DAPO',
  gspo: 'GSPO',
  gmpo: 'GMPO',
  cispo: 'CISPO',
  sapo: 'SAPO',
  dppo: 'DPPO',
  rloo: 'RLOO',
  reinforcePlusPlus: 'REINFORCE++',
  gdpo: 'GDPO',
}

onTheme(() => undefined)
const form = byId('controls', HTMLFormElement)
const go = byId('go', HTMLButtonElement)
const reset = byId('reset', HTMLButtonElement)
const status = byId('status', HTMLOutputElement)
const said = byId('said', HTMLParagraphElement)
const progress = byId('progress', HTMLProgressElement)
const problem = byId('problem', HTMLParagraphElement)
const board = boardOf(byId('charts', HTMLElement), byId('figures', HTMLElement))
const groups = groupsOf(byId('samples', HTMLElement))

const control = (name: keyof Settings): HTMLInputElement | HTMLSelectElement => {
  const found = form.elements.namedItem(name)
  if (found instanceof HTMLInputElement || found instanceof HTMLSelectElement) return found
  throw new Error(`the form has no ${name}`)
}
const variants = control('variant')
for (const name of VARIANTS) variants.append(element('option', { value: name }, CALLED[name] ?? name))

/** 'idle': nothing was started; 'over': a run has ended, by itself or by what went wrong. */
type Phase = 'idle' | 'running' | 'paused' | 'over'
let phase: Phase = 'idle'
let run = 0
let started: Settings = DEFAULTS
/** What the run does now, without whether it is paused. */
let doing = ''
/** The share of held-out problems that were right at the last exam. */
let heldOut: number | null = null

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
const tell = (message: ToWorker): void => worker.postMessage(message)

/** For who hears the page: what begins and ends, and a quarter of the way now and then; the status beside the buttons says each step. */
const announce = (words: string): void => {
  write(said, words)
}
const complain = (words: string | null): void => {
  problem.hidden = words === null
  problem.textContent = words ?? ''
}
const labelOf = (name: keyof Settings): string =>
  control(name).closest('label')?.firstChild?.textContent?.trim() ?? name
const read = (): Settings | null => {
  const texts = Object.fromEntries(NAMES.map((name) => [name, control(name).value]))
  const { settings, wrong } = parse(texts)
  for (const name of NAMES) {
    const bad = wrong.some((each) => each.name === name)
    control(name).setAttribute('aria-invalid', String(bad))
    if (bad) control(name).setAttribute('aria-errormessage', problem.id)
    else control(name).removeAttribute('aria-errormessage')
  }
  complain(
    wrong.length === 0
      ? null
      : wrong
          .map(({ name, text, rule }) => `${labelOf(name)} must be ${rule}${text === '' ? '' : `, and is ${text}`}.`)
          .join('\n'),
  )
  return wrong.length === 0 ? settings : null
}

const enter = (next: Phase): void => {
  phase = next
  document.body.dataset['phase'] = next
  go.textContent = { idle: 'Start', running: 'Pause', paused: 'Go on', over: 'Start again' }[next]
  reset.disabled = next === 'idle'
  const at = document.activeElement
  for (const name of AT_START) control(name).disabled = next === 'running' || next === 'paused'
  // What is disabled loses the focus: it goes where the run is paused, and started again.
  if (at?.matches(':disabled') === true) go.focus()
  status.textContent = next === 'paused' ? `${doing} Paused.` : doing
}
const say = (words: string, share: number): void => {
  doing = words
  progress.value = share
  status.textContent = phase === 'paused' ? `${words} Paused.` : words
}

const start = (settings: Settings): void => {
  run++
  started = settings
  heldOut = null
  board.clear(settings.control !== 'none')
  groups.clear()
  history.replaceState(null, '', `?${queryOf(settings)}`)
  tell({ type: 'start', run, settings })
  doing = 'Opening the device.'
  announce('Started.')
  document.body.dataset['stage'] = 'cold'
  enter('running')
}

const show = (event: TrainEvent): void => {
  board.show(event)
  switch (event.type) {
    case 'opened':
      say(`On ${event.kind} (${event.label}), ${event.parameters} parameters. Compiling.`, 0)
      announce(`Started on ${event.kind}.`)
      return
    case 'cold':
      say(`Cold start: step ${event.step} of ${started.cold}.`, event.step / started.cold)
      return
    case 'exam':
      document.body.dataset['stage'] = 'grpo'
      if (event.step === 0) say(`Exam before GRPO: ${event.accuracy.toFixed(3)} right.`, 0)
      if (event.run !== 'trained') return
      heldOut = event.accuracy
      if (event.step === 0) announce(`Cold start is over. Held out: ${heldOut.toFixed(2)} right.`)
      return
    case 'step':
      document.body.dataset['stage'] = 'grpo'
      groups.put(event.run, event.step, event.group)
      document.body.dataset['liveBytes'] = String(event.liveBytes)
      if (event.run !== 'trained') return
      say(`GRPO: step ${event.step} of ${started.steps}.`, event.step / started.steps)
      if (event.step % Math.ceil(started.steps / 4) === 0)
        announce(
          `GRPO: step ${event.step} of ${started.steps}, ${event.metrics['rewards/correct/mean']?.toFixed(2)} right.`,
        )
      return
    case 'done':
      say(`Done: ${started.steps} steps of GRPO.`, 1)
      announce(heldOut === null ? doing : `${doing} Held out: ${heldOut.toFixed(2)} right.`)
      enter('over')
      return
  }
}

const fail = (why: string): void => {
  say('It ended early.', 0)
  announce('It ended early.')
  complain(why)
  enter('over')
}

worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
  switch (data.type) {
    case 'devices': {
      const there = data.devices.filter(({ kind }) => kind === 'wasm' || kind === 'webgpu')
      const words = (kind: string, hardware: boolean): string =>
        kind === 'wasm' ? `wasm, ${data.threads ? 'threads' : 'one thread'}` : `WebGPU${hardware ? '' : ' (software)'}`
      control('device').append(
        ...there.map(({ kind, hardware }) => element('option', { value: kind }, words(kind, hardware))),
      )
      if (phase === 'idle') {
        fill(['auto', ...there.map(({ kind }) => kind)])
        say('Ready.', 0)
        announce('Ready.')
      }
      return
    }
    case 'event':
      if (data.run === run) show(data.event)
      return
    case 'failed':
      if (data.run !== run && data.run !== -1) return
      fail(data.message)
      return
  }
})
worker.addEventListener('error', (event) => {
  fail(event.message === '' ? 'The worker of this page could not start.' : event.message)
})

/** The form as the address says it, for the rest as `npm start` has it; what of the address it leaves out is said. */
const fill = (devices: readonly Settings['device'][]): void => {
  const { settings, refused } = fromQuery(new URLSearchParams(location.search), devices)
  for (const name of NAMES) control(name).value = String(settings[name])
  // Before it is known which are here, the list holds the first alone.
  if (control('device').value === '') control('device').value = DEFAULTS.device
  complain(refused.length === 0 ? null : ['Of this link, not everything could be taken:', ...refused].join('\n'))
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  if (phase === 'running') {
    tell({ type: 'pause' })
    enter('paused')
    announce(`Paused. ${doing}`)
    return
  }
  const settings = read()
  if (settings === null) {
    form.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
    return
  }
  if (phase === 'paused') {
    tell({ type: 'resume' })
    enter('running')
    announce('It goes on.')
  } else start(settings)
})
// Enter in a field starts a run, but does not pause one: there it only ends what is typed.
form.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !(event.target instanceof HTMLInputElement)) return
  if (phase !== 'running' && phase !== 'paused') return
  event.preventDefault()
  learn()
})
const learn = (): void => {
  const settings = read()
  if (settings === null || (phase !== 'running' && phase !== 'paused')) return
  tell({ type: 'learning', learning: settings })
  history.replaceState(null, '', `?${queryOf(settings)}`)
}
form.addEventListener('change', learn)
reset.addEventListener('click', () => {
  run++
  tell({ type: 'stop' })
  board.clear(false)
  groups.clear()
  complain(null)
  enter('idle')
  say('Ready.', 0)
  announce('Reset. Ready.')
})

for (const name of NAMES) {
  const [least, most] = FIELDS[name].bounds ?? []
  if (least !== undefined) control(name).setAttribute('min', String(least))
  if (most !== undefined) control(name).setAttribute('max', String(most))
}
fill(DEVICES)
enter('idle')
say('Looking for devices.', 0)
