/** A text as a file that the reader keeps. */
import { element } from './element.ts'

/** Has the browser save a text under a name. */
export const download = (name: string, type: string, text: string): void => {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = element('a', { href: url, download: name })
  link.click()
  // The browser has taken it once the click is done with.
  setTimeout(() => URL.revokeObjectURL(url))
}

/** A name as that of a file. */
export const fileName = (title: string, ending: string): string =>
  `${
    title
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .replace(/^-|-$/g, '')
      .toLowerCase() || 'chart'
  }.${ending}`
