/**
 * Categories of the API pages: what a package keeps in a folder stands together. A name's category is the folder of `src` that it
 * is declared in; what stands in no folder has none.
 */
import { Comment, CommentTag, Converter, ReflectionKind } from 'typedoc'

const TITLES = {
  task: 'Tasks',
  policy: 'Policies',
  reward: 'Rewards',
  credit: 'Credit',
  objective: 'Objective',
  experience: 'Experience',
  learn: 'Learning',
  evaluate: 'Evaluation',
  preference: 'Preferences',
  'reward-model': 'Reward models',
  'process-reward': 'Process rewards',
  distill: 'Distillation',
  teacher: 'Teachers',
  recipe: 'Recipes',
  run: 'Runs',
}

/** @param {import('typedoc').Application} app */
export const load = (app) => {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of project.getReflectionsByKind(ReflectionKind.SomeExport)) {
      const file = project.getSymbolIdFromReflection(reflection)?.fileName ?? ''
      const room = /packages\/rl\/src\/([^/]+)\//.exec(file)?.[1]
      if (room === undefined) continue
      const title = TITLES[room]
      if (title === undefined) throw new Error(`docs/rooms.mjs: the folder ${room} of rl has no title. Give it one.`)
      const comments =
        reflection.isDeclaration?.() && reflection.signatures !== undefined
          ? reflection.signatures.map((signature) => (signature.comment ??= new Comment()))
          : [(reflection.comment ??= new Comment())]
      for (const comment of comments)
        comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: title }]))
    }
  })
}
