// Two rules that need the compiler's own knowledge of types, to the letter: no promise is dropped, and a switch over a union
// names every member or has a default. The linter's versions infer types themselves and miss some; these miss none.
// Prints file:line:column of each finding and exits 1 when there is one.

import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { root } from './test-run.mjs'

const PROJECTS = ['src/core', 'src', 'test', 'playground', 'test/workers']

const problems = new Set(PROJECTS.flatMap((project) => [...projectProblems(join(root, project, 'tsconfig.json'))]))
for (const problem of problems) console.log(problem)
process.exitCode = problems.size > 0 ? 1 : 0

function* projectProblems(config) {
  if (!existsSync(config)) return
  const parsed = ts.getParsedCommandLineOfConfigFile(config, {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined })
  const program = ts.createProgram({
    rootNames: parsed.fileNames,
    options: { ...parsed.options, noEmit: true },
    projectReferences: parsed.projectReferences,
  })
  const checker = program.getTypeChecker()
  for (const file of parsed.fileNames.map((name) => program.getSourceFile(name))) {
    if (file !== undefined) yield* fileProblems(file, checker)
  }
}

function fileProblems(file, checker) {
  const found = []
  const report = (node, text) => {
    const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file))
    found.push(`${relative(root, file.fileName)}:${line + 1}:${character + 1} ${text}`)
  }
  const visit = (node) => {
    if (ts.isExpressionStatement(node) && dropsPromise(node.expression, checker))
      report(node, 'this promise is dropped: await it, return it or handle its failure')
    if (ts.isSwitchStatement(node)) {
      const missing = missingCases(node, checker)
      if (missing.length > 0) report(node, `this switch lacks ${missing.join(', ')}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** An expression whose value is a thenable and goes nowhere. `void x` and assignments say that it is meant. */
function dropsPromise(node, checker) {
  if (ts.isVoidExpression(node) || ts.isAwaitExpression(node)) return false
  if (ts.isParenthesizedExpression(node)) return dropsPromise(node.expression, checker)
  if (ts.isBinaryExpression(node)) return dropsPromiseOfBinary(node, checker)
  if (ts.isConditionalExpression(node)) return dropsPromise(node.whenTrue, checker) || dropsPromise(node.whenFalse, checker)
  if (handlesFailure(node)) return false
  return isThenable(checker.getTypeAtLocation(node), checker, node)
}

function dropsPromiseOfBinary(node, checker) {
  const operator = node.operatorToken.kind
  if (operator >= ts.SyntaxKind.FirstAssignment && operator <= ts.SyntaxKind.LastAssignment) return false
  return dropsPromise(node.right, checker)
}

/** `p.catch(f)` and `p.then(f, g)` have taken care of a rejection. */
function handlesFailure(node) {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false
  const name = node.expression.name.text
  if (name === 'finally') return handlesFailure(node.expression.expression)
  return (name === 'catch' && node.arguments.length > 0) || (name === 'then' && node.arguments.length > 1)
}

function isThenable(type, checker, node) {
  const parts = type.isUnion() ? type.types : [type]
  return parts.some((part) => isPromiseLike(part, checker, node) || isArrayOfPromises(part, checker, node))
}

function isPromiseLike(type, checker, node) {
  if ((type.flags & ts.TypeFlags.Any) !== 0) return false
  const then = checker.getPropertyOfType(checker.getApparentType(type), 'then')
  return then !== undefined && checker.getTypeOfSymbolAtLocation(then, node).getCallSignatures().length > 0
}

function isArrayOfPromises(type, checker, node) {
  if (!checker.isArrayLikeType(type)) return false
  const element = type.getNumberIndexType()
  return element !== undefined && isPromiseLike(element, checker, node)
}

/** The members of a union of literals that have no case, when there is no default either. */
function missingCases(node, checker) {
  const clauses = node.caseBlock.clauses
  if (clauses.some(ts.isDefaultClause)) return []
  const type = checker.getTypeAtLocation(node.expression)
  const members = type.isUnion() ? type.types : []
  if (!members.every((member) => (member.flags & ts.TypeFlags.Unit) !== 0)) return []
  const named = new Set(clauses.map((clause) => checker.typeToString(checker.getTypeAtLocation(clause.expression))))
  return members.map((member) => checker.typeToString(member)).filter((name) => !named.has(name))
}
