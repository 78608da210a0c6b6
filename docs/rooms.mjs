/**
 * Categories of the API pages: what a package keeps together stands together. A name's category follows from the file that it is
 * declared in: the first row that its path begins with; what stands in the root of rl has none.
 */
import { Comment, CommentTag, Converter, ReflectionKind } from 'typedoc'

const ROOMS = {
  tensor: {
    'ops/creation': 'Making tensors',
    'ops/random': 'Random numbers',
    'ops/distributions': 'Random numbers',
    random: 'Random numbers',
    'ops/math': 'Elementwise',
    'ops/align': 'Elementwise',
    'ops/logic': 'Comparisons and choices',
    'ops/bits': 'Bits',
    'ops/activation': 'Activations',
    'ops/softmax': 'Activations',
    'ops/reductions': 'Reductions',
    'ops/norm': 'Reductions',
    'ops/cumulative': 'Running results',
    'ops/linalg/': 'Linear algebra',
    'ops/linalg': 'Products',
    'ops/einsum': 'Products',
    'ops/conv': 'Convolutions and windows',
    'ops/pool': 'Convolutions and windows',
    'ops/window': 'Convolutions and windows',
    'ops/resize': 'Convolutions and windows',
    'ops/movement': 'Shapes and movement',
    'ops/join': 'Shapes and movement',
    'ops/indexing': 'Indexing',
    'ops/scatter': 'Indexing',
    'ops/selection': 'Indexing',
    'ops/sorting': 'Sorting',
    'ops/control-flow': 'Control flow',
    'control/': 'Control flow',
    'primitives/': 'Elementwise',
    'ops/debug-print': 'Looking inside',
    'run/debug-nans': 'Looking inside',
    'graph/eval-shape': 'Looking inside',
    'compile/': 'Looking inside',
    'loops/': 'Looking inside',
    'run/request': 'Devices',
    'run/current': 'Devices',
    'run/': 'Compiling and running',
    'backends/': 'Devices',
    'graph/device': 'Devices',
    'graph/tree': 'Trees',
    'base/shape-type': 'Types of shapes',
    'base/errors': 'Errors',
    'base/': 'Types',
    'graph/': 'Types',
    'transform/': 'Types',
  },
  autograd: { '': 'Transformations' },
  nn: {
    'optim/schedule': 'Schedules',
    'optim/decaying': 'Schedules',
    'optim/piecewise': 'Schedules',
    'optim/plateau': 'Schedules',
    'optim/': 'Optimizers',
    'models/': 'Published models',
    'io/': 'Files of weights',
    'text/': 'Text and tokenizers',
    'data/': 'Data',
    'lora/': 'LoRA',
    'quantize/': 'Weights in few bits',
    weight: 'Weights in few bits',
    loss: 'Losses',
    regression: 'Losses',
    classification: 'Losses',
    'linear-loss': 'Losses',
    'vocabulary-chunks': 'Losses',
    generate: 'Generating',
    sample: 'Generating',
    penalties: 'Generating',
    decod: 'Generating',
    stop: 'Generating',
    cache: 'Generating',
    attend: 'Attention and transformers',
    attention: 'Attention and transformers',
    block: 'Attention and transformers',
    rope: 'Attention and transformers',
    transformer: 'Attention and transformers',
    placement: 'Attention and transformers',
    visibility: 'Attention and transformers',
    stacked: 'Attention and transformers',
    '': 'Layers',
  },
  rl: {
    'task/': 'Tasks',
    'policy/': 'Policies',
    'reward/': 'Rewards',
    'credit/': 'Credit',
    'objective/': 'Objective',
    'experience/': 'Experience',
    'learn/': 'Learning',
    'evaluate/': 'Evaluation',
    'preference/': 'Preferences',
    'reward-model/': 'Reward models',
    'process-reward/': 'Process rewards',
    'distill/': 'Distillation',
    'teacher/': 'Teachers',
    'recipe/': 'Recipes',
    'run/': 'Runs',
  },
}

/** The category of a file of a package; null where it has none. */
const titleOf = (file) => {
  const [, room, path] = /packages\/(\w+)\/src\/(.+)\.ts$/.exec(file) ?? []
  const rooms = ROOMS[room]
  if (rooms === undefined) return null
  const row = Object.keys(rooms).find((start) => path.startsWith(start))
  if (row !== undefined) return rooms[row]
  if (path.includes('/')) throw new Error(`docs/rooms.mjs: ${path} of ${room} has no category. Give it a row.`)
  return null
}

/** @param {import('typedoc').Application} app */
export const load = (app) => {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of project.getReflectionsByKind(ReflectionKind.SomeExport)) {
      const title = titleOf(project.getSymbolIdFromReflection(reflection)?.fileName ?? '')
      if (title === null) continue
      const comments =
        reflection.isDeclaration?.() && reflection.signatures !== undefined
          ? reflection.signatures.map((signature) => (signature.comment ??= new Comment()))
          : [(reflection.comment ??= new Comment())]
      for (const comment of comments)
        comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: title }]))
    }
  })
}
