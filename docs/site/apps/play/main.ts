/** The playground: an editor, a worker for each run of its program, and what that prints and plots. */
import { byId, element } from '../../../../packages/report/browser/index.ts'
import { type Declarations, editor as editorOf, type Remark } from './editor.ts'
import { askedBy, hashOf } from './link.ts'
import type { FromProgram, ToProgram } from './messages.ts'
import { output as outputOf } from './output.ts'

/** What examples.json holds. */
interface Example {
  readonly name: string
  readonly title: string
  readonly text: string
}

const go = byId('run', HTMLButtonElement)
const stop = byId('stop', HTMLButtonElement)
const link = byId('link', HTMLButtonElement)
const choice = byId('example', HTMLSelectElement)
const status = byId('status', HTMLOutputElement)
const remarks = byId('remarks', HTMLUListElement)
const output = outputOf({
  charts: byId('charts', HTMLElement),
  lines: byId('lines', HTMLElement),
  left: byId('left-out', HTMLElement),
})

const json = async <T>(name: string): Promise<T> => {
  const answer = await fetch(new URL(name, document.baseURI))
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`)
  // Files of this page, written by its build.
  return (await answer.json()) as T
}

/** What is chosen where the program came by a link. */
const LINKED = 'linked'

/** The worker of the program that runs. */
let worker: Worker | null = null
/** Where the bundles of the modules lie: the names in build.mjs. */
const addressOf = (name: string): string => {
  const file = name.startsWith('@adjoint/') ? name.split('/').at(-1)! : name.replace('/', '-')
  return new URL(`lib/${file}.js`, document.baseURI).href
}

const enter = (running: boolean, words: string): void => {
  // What is disabled has the focus no more: the next key would begin at the top of the page.
  if (!running && document.activeElement === stop) go.focus()
  stop.disabled = !running
  status.textContent = words
  document.body.dataset['running'] = String(running)
}
const end = (words: string): void => {
  worker?.terminate()
  worker = null
  enter(false, words)
}

const hear = ({ data }: MessageEvent<FromProgram>): void => {
  switch (data.type) {
    case 'said':
      output.add(data.parcel)
      return
    case 'ended':
      // It may still be waiting for something; it is ended by the next run, or by hand.
      enter(true, `Ran to its end in ${(data.milliseconds / 1000).toFixed(1)} s.`)
      return
    case 'threw':
      output.fail(data.text)
      end('It threw.')
      return
  }
}

const open = async (): Promise<void> => {
  const [declarations, examples] = await Promise.all([
    json<Declarations>('types.json'),
    json<readonly Example[]>('examples.json'),
  ])
  const modules = Object.fromEntries(Object.keys(declarations.modules).map((name) => [name, addressOf(name)]))

  const run = async (): Promise<void> => {
    if (worker !== null) end('Stopped.')
    output.clear()
    enter(true, 'Compiling.')
    const made = new Worker(new URL('runner.js', document.baseURI), { type: 'module' })
    worker = made
    made.addEventListener('message', (event: MessageEvent<FromProgram>) => {
      if (worker === made) hear(event)
    })
    made.addEventListener('error', (event) => {
      if (worker === made) end(event.message === '' ? 'The worker could not start.' : event.message)
    })
    const message: ToProgram = { ...(await editor.compile()), modules }
    made.postMessage(message)
    if (worker === made) enter(true, 'Running.')
  }
  const start = (): void => {
    run().catch((error: unknown) => end(String(error)))
  }

  const editor = editorOf(byId('editor', HTMLElement), declarations, start)
  const remarkOf = (remark: Remark): HTMLElement => {
    const to = element('button', { type: 'button' }, `line ${remark.line}`)
    to.addEventListener('click', () => editor.goTo(remark))
    return element('li', {}, to, remark.message)
  }
  let asked = 0
  const check = (): void => {
    const own = ++asked
    editor
      .check()
      .then((found) => {
        if (own !== asked) return
        remarks.replaceChildren(...found.slice(0, 20).map(remarkOf))
        remarks.hidden = found.length === 0
        document.body.dataset['errors'] = String(found.length)
      })
      .catch((error: unknown) => end(String(error)))
  }
  let timer: ReturnType<typeof setTimeout> | undefined
  editor.onChange(() => {
    delete document.body.dataset['errors']
    clearTimeout(timer)
    timer = setTimeout(check, 400)
  })

  choice.append(
    element('option', { value: LINKED, hidden: '' }, 'from the link'),
    ...examples.map(({ name, title }) => element('option', { value: name }, title)),
  )
  /** Whether there is such an example; if not, the first one is shown. */
  const choose = (name: string): boolean => {
    const example = examples.find((each) => each.name === name)
    const shown = example ?? examples[0]
    if (shown !== undefined) {
      choice.value = shown.name
      editor.replace(shown.text)
    }
    return example !== undefined
  }
  choice.addEventListener('change', () => {
    history.replaceState(null, '', `#example=${choice.value}`)
    choose(choice.value)
  })
  /** What became of the address, in words. */
  const follow = async (): Promise<string> => {
    const asked = await askedBy(location.hash)
    switch (asked.type) {
      case 'program':
        choice.value = LINKED
        editor.replace(asked.text)
        return 'Ready.'
      case 'example':
        return choose(asked.name) ? 'Ready.' : `There is no example '${asked.name}': the first one is shown.`
      case 'nothing':
        choose('')
        return 'Ready.'
      case 'damaged':
        choose('')
        return 'This link is cut or damaged: no program is in it. The first example is shown.'
      case 'unknown':
        choose('')
        return 'This link asks for nothing that this page has: the first example is shown.'
    }
  }
  const fromAddress = async (): Promise<void> => {
    const words = await follow()
    if (worker === null) status.textContent = words
  }
  addEventListener('hashchange', () => void fromAddress())
  go.addEventListener('click', start)
  stop.addEventListener('click', () => end('Stopped.'))
  link.addEventListener('click', () => {
    const copy = async (): Promise<void> => {
      history.replaceState(null, '', await hashOf(editor.text()))
      try {
        await navigator.clipboard.writeText(location.href)
        status.textContent = 'The address now carries the program, and is in the clipboard.'
      } catch {
        // Some pages may not write to it; the address says it all the same.
        status.textContent = 'The address of this page now carries the program.'
      }
    }
    void copy()
  })
  await fromAddress()
  for (const button of [go, link]) button.disabled = false
}

open().catch((error: unknown) => {
  status.textContent = `The page could not start: ${String(error)}`
})
