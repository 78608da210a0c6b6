// What the faces of the packages promise as a whole, read off their types.
import ts from 'typescript'
import { expect, test } from 'vitest'
import { compiled } from './compiler.support.ts'

const FACES = ['tensor', 'tensor/ir', 'tensor/primitives', 'autograd', 'nn', 'rl', 'report', 'report/command-line']
const { program, file } = compiled({
  faces: FACES.map((face, i) => `import * as f${i} from '@adjoint/${face}'`).join('\n'),
})
const checker = program.getTypeChecker()

/** The values of a face by name, those of its namespaces too. */
const valuesOf = (module: ts.Symbol, prefix: string): readonly (readonly [name: string, type: ts.Type])[] =>
  checker.getExportsOfModule(module).flatMap((exported) => {
    const name = `${prefix}.${exported.name}`
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    if (symbol.flags & ts.SymbolFlags.Module) return valuesOf(symbol, name)
    return symbol.flags & ts.SymbolFlags.Value ? [[name, checker.getTypeOfSymbol(symbol)] as const] : []
  })
const faces = new Map(
  file('faces')
    .statements.filter(ts.isImportDeclaration)
    .map((statement, i) => [FACES[i]!, valuesOf(checker.getSymbolAtLocation(statement.moduleSpecifier)!, FACES[i]!)]),
)

test('the faces are read', () => {
  expect([...faces].map(([name, values]) => [name, values.length > 5])).toEqual(FACES.map((name) => [name, true]))
})

/** The fewest arguments that a signature takes, and the most. */
const arity = (signature: ts.Signature): readonly [least: number, most: number] => {
  const declared = signature.parameters
    .map((p) => p.valueDeclaration)
    .filter((d) => d !== undefined && ts.isParameter(d))
  const rest = declared.some((d) => d.dotDotDotToken !== undefined)
  const needed = declared.filter(
    (d) => d.questionToken === undefined && d.initializer === undefined && d.dotDotDotToken === undefined,
  )
  return [needed.length, rest ? Infinity : declared.length]
}

test('law: of signatures that a call may mean there is one, or there are more than three: the compiler tells all reasons of two or three', () => {
  const ambiguous = [...faces.values()].flat().flatMap(([name, type]) => {
    const ranges = type.getCallSignatures().map(arity)
    const meant = [0, 1, 2, 3, 4, 5, 6].map((n) => ranges.filter(([least, most]) => least <= n && n <= most).length)
    return meant.some((count) => count === 2 || count === 3) ? [name] : []
  })
  expect(ambiguous).toEqual([])
})

const nameOf = (type: ts.Type): string | undefined => (type.symbol as ts.Symbol | undefined)?.name

/** Whether a call gives a TaskEither, at once or once all its arguments are there. */
const isEffect = (type: ts.Type): boolean =>
  type.getCallSignatures().some((signature) => {
    const result = signature.getReturnType()
    return nameOf(result) === 'TaskEither' || isEffect(result)
  })

// What records hold (the `append` of a log, the `ask` of a teacher) has no twin: `orThrow` of rl runs it. autograd has no effects.
test.each([
  ['tensor', 'tensor.read'],
  ['nn', 'nn.saveModel'],
  ['rl', 'rl.run'],
  ['report', 'report.reportRuns'],
])('law: every effect of %s has a twin that throws: %s, and all others', (face, known) => {
  const values = faces.get(face)!
  const names = new Set(values.map(([name]) => name))
  const effects = values.filter(([, type]) => isEffect(type)).map(([name]) => name)
  expect(effects).toContain(known)
  expect(effects.filter((name) => !names.has(`${name}Async`))).toEqual([])
})

/** As it is written, but that what is `Async` in a twin (an `AsyncSource`) is called as it is in its effect. */
const plain = (text: string): string =>
  text.replaceAll(/\bAsync(?=[A-Z])/g, '').replaceAll(/(\?: \w+) \| undefined/g, '$1')

/** The calls that it takes, each as it is written, and what the task or the promise after the last comes to. */
const callsOf = (type: ts.Type): readonly string[] => {
  const written = checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)
  if (nameOf(type) === 'TaskEither' || nameOf(type) === 'Promise')
    // both are interfaces with type parameters
    return callsOf(checker.getTypeArguments(type as ts.TypeReference).at(-1)!)
  const [signature] = type.getCallSignatures()
  if (signature === undefined) return [plain(written)]
  const result = signature.getReturnType()
  const whole = checker.signatureToString(signature, undefined, ts.TypeFormatFlags.NoTruncation)
  const rest = checker.typeToString(result, undefined, ts.TypeFormatFlags.NoTruncation)
  return [plain(whole.slice(0, -rest.length)), ...callsOf(result)]
}

test('law: a twin of rl is called as its effect is, with the same type parameters and names, and comes to the same', () => {
  const types = new Map(faces.get('rl'))
  const effects = [...types].filter(([, type]) => isEffect(type))
  expect(effects.map(([name]) => [name, ...callsOf(types.get(`${name}Async`)!)])).toEqual(
    effects.map(([name, type]) => [name, ...callsOf(type)]),
  )
})
