/** One title a page: TypeDoc writes its own above that of a package's README, which becomes a heading below it. */
import { PageEvent } from 'typedoc'

/** A heading of a README as TypeDoc marks it; its own title has no id. */
const HEADING = /<h1 (id="[^"]*"[^>]*)>([^]*?)<\/h1>/g

export const load = (app) => {
  app.renderer.on(PageEvent.END, (page) => {
    page.contents = page.contents?.replaceAll(HEADING, '<h2 $1>$2</h2>')
  })
}
