/** The one place of the page that speaks by itself: what the reader asked for, and what became of the server; nothing that a run brings step by step. */
import { element, write } from './element.ts'

const region = element('p', { class: 'unseen', role: 'status', 'data-client': 'said' })
document.body.append(region)

/** Has a screen reader say this, once it has said what it is saying. */
export const announce = (words: string): void => write(region, words)
