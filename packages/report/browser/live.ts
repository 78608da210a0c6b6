/** A page with a server behind it: on each change it takes the new page's parts, and keeps what the reader has set. */
import { announce } from './announce.ts'
import { byId, write } from './element.ts'
import { renew } from './renew.ts'

const say = (state: 'live' | 'lost', words: string): void => {
  const place = document.querySelector<HTMLElement>('[data-client=live]')
  if (place === null || place.textContent === words) return
  place.dataset['state'] = state
  write(place, words)
  announce(words)
}

/** The newest page, or why it could not be read. */
type Answer = { readonly _tag: 'page'; readonly fresh: Document } | { readonly _tag: 'absent'; readonly why: string }

const ask = async (): Promise<Answer> => {
  try {
    const answer = await fetch(location.pathname, { cache: 'no-store' })
    if (!answer.ok) return { _tag: 'absent', why: `the server answers ${answer.status}` }
    return { _tag: 'page', fresh: new DOMParser().parseFromString(await answer.text(), 'text/html') }
  } catch (thrown) {
    // Of a server that has gone, and of an answer that breaks off.
    if (thrown instanceof TypeError) return { _tag: 'absent', why: thrown.message }
    throw thrown
  }
}

const take = (fresh: Document, renewData: () => void): void => {
  if (document.title !== fresh.title) document.title = fresh.title
  for (const id of ['header', 'nav', 'main']) {
    const next = fresh.getElementById(id)
    if (next !== null) renew(byId(id, HTMLElement), next)
  }
  for (const id of ['charts-data', 'samples-data'])
    write(byId(id, HTMLElement), fresh.getElementById(id)?.textContent ?? '')
  const [style, next] = [document, fresh].map(({ head }) => head.querySelector('style'))
  if (style instanceof HTMLStyleElement) write(style, next?.textContent ?? '')
  renewData()
}

/** ms until a page that could not be read is asked for again. */
const AGAIN = 1000

/** Follows the server; `renewData` is told when the data of the page are others. */
export const follow = (renewData: () => void): void => {
  const events = new EventSource('events')
  /** The number of the page that is shown. */
  let shown = document.body.dataset['live']
  let busy = false
  let again = false
  /** Whether the server was away: another one may have come, which counts its pages anew. */
  let away = false
  /** What the server's stream told last, where that is no page: a page that was under way by then changes nothing of it. */
  let trouble: string | null = null
  const sayTrouble = (words: string): void => say('lost', (trouble = words))

  const update = async (): Promise<void> => {
    again = busy
    if (busy) return
    busy = true
    try {
      const answer = await ask()
      if (answer._tag === 'absent') {
        // Where the server has gone the stream of events says so, and when it is back.
        if (events.readyState !== EventSource.OPEN) return
        say('lost', `what is new could not be read (${answer.why}); it is asked for again`)
        setTimeout(() => void update(), AGAIN)
        return
      }
      shown = answer.fresh.body.dataset['live']
      take(answer.fresh, renewData)
      if (trouble === null) say('live', 'live')
      else say('lost', trouble)
    } catch (thrown) {
      // An error of this script. It is the console's, too; the reader is told that what is seen is not what is.
      say('lost', `this page failed at what is new, and shows it in part: load it again (${String(thrown)})`)
      throw thrown
    } finally {
      busy = false
    }
    if (again) await update()
  }

  events.addEventListener('version', ({ data }: MessageEvent<string>) => {
    trouble = null
    if (away || data !== shown) void update()
    else say('live', 'live')
    away = false
  })
  // The server is there, and cannot make a page of what there is.
  events.addEventListener('trouble', ({ data }: MessageEvent<string>) => sayTrouble(data))
  events.addEventListener('error', () => {
    away = true
    sayTrouble('the server has stopped; this is what it showed last')
  })
}
