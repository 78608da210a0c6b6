// Imports go one way: tensor <- autograd <- nn <- rl <- report, and inside of tensor as its floors say. No cycles, not even of
// types; no reaching past another package's index.ts.
const tests = '\\.(test|test-d|support)\\.(ts|mjs)$'
const upward = (name, from, to) => ({
  name,
  severity: 'error',
  comment: `packages/${from} stands below packages/${to} and may not import it`,
  from: { path: `^packages/${from}/`, pathNot: tests },
  to: { path: `^packages/(${to})/` },
})

/**
 * The floors of packages/tensor/src: what each may import beside itself. Two stairs rise from the primitives: what users call
 * (transform, control, ops) and what runs it (templates, compile, backends, run). `run` ends the second, and calls the graphs
 * of the first where a `jit` stands inside of a transformation. index.ts and ir.ts show all of it.
 */
const ir = ['base', 'loops', 'graph', 'primitives']
const floors = {
  base: [],
  loops: ['base'],
  graph: ['base', 'loops'],
  primitives: ['base', 'loops', 'graph'],
  transform: ir,
  control: [...ir, 'transform'],
  ops: [...ir, 'transform', 'control'],
  templates: ir,
  compile: [...ir, 'templates'],
  backends: [...ir, 'templates', 'compile'],
  run: [...ir, 'transform', 'control', 'compile', 'backends'],
}
/** random.ts is an operation like those in ops/, under a name of its own. */
const inside = (floor) => (floor === 'ops' ? '(ops/|random\\.ts$)' : `${floor}/`)
const within = (floor) => ({
  name: `tensor-${floor}-imports-what-is-below`,
  severity: 'error',
  comment: `${floor} imports ${['itself', ...floors[floor]].join(', ')}, and nothing else of tensor`,
  from: { path: `^packages/tensor/src/${inside(floor)}`, pathNot: tests },
  to: {
    path: '^packages/tensor/src/',
    pathNot: `^packages/tensor/src/(${[floor, ...floors[floor]].map(inside).join('|')})`,
  },
})

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycle',
      severity: 'error',
      comment: 'no module needs itself to be read, or loaded: records that name each other stand in one file',
      from: {},
      to: { circular: true },
    },
    {
      name: 'tensor-has-no-other-floors',
      severity: 'error',
      comment: 'a folder of packages/tensor/src stands on one of the floors above, or the floors are told of it',
      from: {},
      to: {
        path: '^packages/tensor/src/[^/]+/',
        pathNot: `^packages/tensor/src/(${Object.keys(floors).join('|')})/`,
      },
    },
    ...Object.keys(floors).map(within),
    upward('tensor-is-the-base', 'tensor', 'autograd|nn|rl|report'),
    upward('autograd-knows-tensor-only', 'autograd', 'nn|rl|report'),
    upward('nn-knows-no-rl', 'nn', 'rl|report'),
    upward('rl-knows-no-report', 'rl', 'report'),
    upward('testing-knows-tensor-and-autograd', 'testing', 'nn|rl|report'),
    {
      name: 'testing-from-tests-only',
      severity: 'error',
      comment: '@adjoint/testing is private: only tests may import it, and the program that tests a run under faults',
      from: { pathNot: [tests, '^packages/testing/', '^examples/faults/'] },
      to: { path: '^packages/testing/' },
    },
    {
      name: 'tests-are-leaves',
      severity: 'error',
      comment: 'a test file is imported by nothing, and what tests share by tests only',
      from: { pathNot: tests },
      to: { path: tests },
    },
    {
      name: 'tests-know-no-tests',
      severity: 'error',
      comment: 'what tests share lies in a .support.ts',
      from: { path: tests },
      to: { path: '\\.(test|test-d)\\.ts$' },
    },
    {
      name: 'no-deep-import',
      severity: 'error',
      comment:
        "a package's face is its index.ts (and ir.ts and primitives/index.ts, for those who write transformations)",
      from: { path: '^packages/([^/]+)/' },
      to: {
        path: '^packages/[^/]+/',
        pathNot: [
          '^packages/$1/',
          '^packages/[^/]+/src/index\\.ts$',
          '^packages/tensor/src/(ir|primitives/index)\\.ts$',
          '^packages/report/src/command-line/index\\.ts$',
          '^packages/testing/src/((endpoint|page)\\.ts|source-server\\.mjs)$',
        ],
      },
    },
    {
      name: 'no-deep-import-from-workspaces',
      severity: 'error',
      comment: 'examples, benchmarks and pages use packages by name',
      from: { path: '^(examples|bench|docs)/' },
      to: {
        path: '^packages/',
        pathNot:
          '^packages/([^/]+/src/index|tensor/src/(ir|primitives/index)|report/src/command-line/index|testing/src/(endpoint|page)|report/browser/index)\\.ts$',
      },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      // What programs of the playground import as 'playground' is a part of its page (docs/site/apps/play/playground.ts).
      to: { couldNotResolve: true, pathNot: '^playground$' },
    },
    {
      name: 'declared-dependency',
      severity: 'error',
      comment: "the sources of a package use only their package's own dependencies",
      from: { path: '^packages/(tensor|autograd|nn|rl|report)/src/', pathNot: tests },
      // An optional peer is a development dependency as well, so that tests have it.
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|docs/\\.examples|docs/api)/' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    tsConfig: { fileName: 'tsconfig.check.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@adjoint/source', 'types', 'import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.d.ts'],
    },
    moduleSystems: ['es6'],
  },
}
