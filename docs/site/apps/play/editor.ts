/** The editor: Monaco with TypeScript's own language service, which knows the packages' types. */
import * as monaco from 'monaco-editor/editor'
import 'monaco-editor/features/register.all'
import 'monaco-editor/languages/definitions/typescript/register'
import {
  getTypeScriptWorker,
  ModuleKind,
  ModuleResolutionKind,
  ScriptTarget,
  typescriptDefaults,
} from 'monaco-editor/languages/features/typescript/register'
import { onTheme } from '../shared/theme.ts'
import type { Compiled } from './messages.ts'

/** What types.json holds. */
export interface Declarations {
  readonly files: Readonly<Record<string, string>>
  /** Addresses of declarations by what a program calls the module. */
  readonly modules: Readonly<Record<string, string>>
}

/** Something that the compiler says of the program. */
export interface Remark {
  readonly line: number
  readonly column: number
  readonly message: string
}

export interface Editor {
  readonly text: () => string
  readonly replace: (text: string) => void
  readonly onChange: (listener: () => void) => void
  /** The errors of the program as it stands. */
  readonly check: () => Promise<readonly Remark[]>
  readonly compile: () => Promise<Compiled>
  readonly goTo: (remark: Remark) => void
}

Object.assign(globalThis, {
  MonacoEnvironment: {
    getWorker: (_: string, label: string) =>
      new Worker(new URL(label === 'typescript' ? 'ts.worker.js' : 'editor.worker.js', document.baseURI), {
        type: 'module',
      }),
  },
})

export const editor = (place: HTMLElement, { files, modules }: Declarations, run: () => void): Editor => {
  typescriptDefaults.setCompilerOptions({
    target: ScriptTarget.ESNext,
    module: ModuleKind.ESNext,
    // Every module that a program may import is named below.
    moduleResolution: ModuleResolutionKind.NodeJs,
    lib: ['lib.esnext.d.ts', 'lib.webworker.d.ts'],
    types: [],
    sourceMap: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    moduleDetection: 3,
    paths: {
      ...Object.fromEntries(Object.entries(modules).map(([name, address]) => [name, [address]])),
      'fp-ts/*': ['file:///node_modules/fp-ts/*'],
    },
  })
  typescriptDefaults.setExtraLibs(Object.entries(files).map(([filePath, content]) => ({ filePath, content })))
  const model = monaco.editor.createModel('', 'typescript', monaco.Uri.parse('file:///program.ts'))
  const view = monaco.editor.create(place, {
    model,
    automaticLayout: true,
    minimap: { enabled: false },
    scrollBeyondLastLine: false,
    wordWrap: matchMedia('(max-width: 800px)').matches ? 'on' : 'off',
    fontSize: 13.5,
    tabSize: 2,
    lineNumbersMinChars: 3,
    // A number that is dimmed cannot be read by everybody.
    renderFinalNewline: 'on',
    padding: { top: 10 },
    fixedOverflowWidgets: true,
    ariaLabel: 'Program. Escape, then Tab, leaves it',
  })
  view.addCommand(monaco.KeyMod.CtrlCmd | monaco.KeyCode.Enter, run)
  // Tab indents, so there is another way out: after Escape, where that closes nothing else, Tab goes on to the next control.
  view.addAction({
    id: 'leave',
    label: 'Let Tab leave the editor',
    keybindings: [monaco.KeyCode.Escape],
    precondition:
      'editorTextFocus && !suggestWidgetVisible && !parameterHintsVisible && !findWidgetVisible && !renameInputVisible && ' +
      '!inSnippetMode && !markersNavigationVisible && !referenceSearchVisible',
    run: () => {
      // As Escape does by itself, which this stands in the place of: what was selected is no longer.
      const at = view.getPosition()
      if (at !== null) view.setPosition(at)
      view.updateOptions({ tabFocusMode: true })
    },
  })
  view.onDidBlurEditorText(() => view.updateOptions({ tabFocusMode: false }))
  // Monaco's own dark theme, but for its comments, which fall short of 4.5 to 1.
  monaco.editor.defineTheme('night', {
    base: 'vs-dark',
    inherit: true,
    rules: [{ token: 'comment', foreground: '7ca668' }],
    colors: {},
  })
  onTheme((dark) => monaco.editor.setTheme(dark ? 'night' : 'vs'))

  const service = async () => (await getTypeScriptWorker())(model.uri)
  const flat = (message: string | { readonly messageText: string }): string =>
    typeof message === 'string' ? message : message.messageText
  return {
    text: () => model.getValue(),
    replace: (text) => {
      // By an edit, so that it can be undone.
      model.pushEditOperations([], [{ range: model.getFullModelRange(), text }], () => null)
      view.setScrollTop(0)
    },
    onChange: (listener) => void model.onDidChangeContent(listener),
    check: async () => {
      const compiler = await service()
      const name = model.uri.toString()
      const found = await Promise.all([compiler.getSyntacticDiagnostics(name), compiler.getSemanticDiagnostics(name)])
      return found.flat().map(({ start, messageText }) => {
        const { lineNumber, column } = model.getPositionAt(start ?? 0)
        return { line: lineNumber, column, message: flat(messageText) }
      })
    },
    compile: async () => {
      const { outputFiles } = await (await service()).getEmitOutput(model.uri.toString())
      const textOf = (end: RegExp): string => {
        const file = outputFiles.find(({ name }) => end.test(name))
        if (file === undefined) throw new Error('the compiler gave no program')
        return file.text
      }
      return { code: textOf(/\.js$/), map: textOf(/\.js\.map$/) }
    },
    goTo: ({ line, column }) => {
      view.setPosition({ lineNumber: line, column })
      view.revealLineInCenter(line)
      view.focus()
    },
  }
}
