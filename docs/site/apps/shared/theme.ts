/** Light or dark: what the reader chose on the site, else what the system says. */

/** Where the site (VitePress) keeps the choice. */
const KEY = 'vitepress-theme-appearance'
const system = matchMedia('(prefers-color-scheme: dark)')

const chosen = (): string | null => {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null // storage is refused: nothing was chosen
  }
}
const isDark = (): boolean => {
  const choice = chosen()
  return choice === 'dark' || (choice !== 'light' && system.matches)
}

/** Tells `listener` now and on each change, until the function that it gives is called; the page's colours follow by themselves. */
export const onTheme = (listener: (dark: boolean) => void): (() => void) => {
  const tell = (): void => {
    const dark = isDark()
    document.documentElement.style.colorScheme = dark ? 'dark' : 'light'
    listener(dark)
  }
  system.addEventListener('change', tell)
  addEventListener('storage', tell)
  tell()
  return () => {
    system.removeEventListener('change', tell)
    removeEventListener('storage', tell)
  }
}

/** The colour that the page gives to this name now, as a canvas takes it. */
export const colour = (name: string): string => {
  const probe = document.createElement('i')
  probe.style.color = `var(--${name})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
