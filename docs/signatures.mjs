/**
 * Signatures on the API pages, in place. A function that is declared by the name of its type (`const softmax: Rows`) is shown with
 * what it takes and gives, as one that is written out is; where that type is exported, its name stands beside it.
 */
import { Comment, CommentTag, Context, Converter, ParameterReflection, ReflectionFlag, ReflectionKind } from 'typedoc'
import ts from 'typescript'

/** The name of the type that a variable is declared by: null where the type is written out. */
const declaredBy = (checker, declaration) => {
  const { type } = declaration
  if (type === undefined || !ts.isTypeReferenceNode(type)) return null
  const symbol = checker.getSymbolAtLocation(type.typeName)
  const origin = symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const [alias] = origin?.declarations ?? []
  return alias !== undefined && ts.getCombinedModifierFlags(alias) & ts.ModifierFlags.Export ? type.getText() : null
}

/** The arguments that a list of them stands for, as the compiler shows them: `...given: [state: S, key: K]` is two. */
const writtenOut = (context, signature) =>
  [...(signature.parameters ?? [])].flatMap((parameter) => {
    const { type, flags } = parameter
    if (!flags.isRest || type?.type !== 'tuple' || type.elements.some((each) => each.type !== 'namedTupleMember'))
      return [parameter]
    context.project.removeReflection(parameter)
    return type.elements.map(({ name, element, isOptional }) => {
      const argument = new ParameterReflection(name, ReflectionKind.Parameter, signature)
      argument.type = element
      argument.setFlag(ReflectionFlag.Optional, isOptional)
      context.registerReflection(argument, undefined)
      return argument
    })
  })

/**
 * TypeDoc does this for what carries its tag `@function`: here all that can be called do.
 *
 * @param {import('typedoc').Application} app
 */
export const load = (app) => {
  app.converter.on(Converter.EVENT_CREATE_SIGNATURE, (context, signature) => {
    if (signature.parameters !== undefined) signature.parameters = writtenOut(context, signature)
  })
  const own = Context.prototype.getComment
  Context.prototype.getComment = function (symbol, kind) {
    const comment = own.call(this, symbol, kind)
    const declaration = symbol.valueDeclaration
    if (kind !== ReflectionKind.Variable || declaration === undefined || !ts.isVariableDeclaration(declaration))
      return comment
    const type = this.checker.getTypeOfSymbolAtLocation(symbol, declaration)
    if (type.getCallSignatures().length === 0) return comment
    const told = comment ?? new Comment()
    told.modifierTags.add('@function')
    const name = declaredBy(this.checker, declaration)
    if (name !== null && !told.blockTags.some(({ tag }) => tag === '@type'))
      told.blockTags.push(new CommentTag('@type', [{ kind: 'code', text: `\`${name}\`` }]))
    return told
  }
}
