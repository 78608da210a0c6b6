/**
 * What the viewer has in common with the site's pages (docs/site/apps), which import it from here. It is in no published package:
 * pages take it into their own scripts, and of it only what they use.
 */
export { finestWidth } from '../src/chart-asked.ts'
export { chartText } from '../src/chart-text.ts'
export { byId, element, write } from './element.ts'
export { isSelected } from './held.ts'
export { chartKeys, crosshairOf, cursorOf, dragged, KEYS } from './pointing.ts'
