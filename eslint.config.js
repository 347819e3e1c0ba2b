import vue from 'eslint-plugin-vue'
import ts from 'typescript-eslint'
import vueParser from 'vue-eslint-parser'

/** The arrows: who may import which workspace. Everything else between workspaces is refused. */
const arrows = {
  contract: [],
  db: ['contract'],
  ingest: ['contract', 'db'],
  server: ['contract', 'db'],
  simulator: ['contract'],
  web: ['contract'],
}
const workspaces = Object.keys(arrows)
const arrowRules = workspaces.map((from) => ({
  name: `arrows of ${from}`,
  files: [`${from}/**/*.{ts,vue}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: workspaces
          .filter((to) => to !== from && !arrows[from].includes(to))
          .map((to) => ({
            group: [`@yiping/${to}`, `@yiping/${to}/*`, `**/../${to}/**`],
            message: `${from} must not import ${to} (see ARCHITECTURE.md)`,
          })),
      },
    ],
  },
}))

/** Stages of ingest hand values on; they do not know each other's insides. The wiring is ingest.ts. */
const stages = {
  receive: [],
  decode: [],
  validate: ['decode', 'receive'],
  spool: ['validate'],
  batch: ['validate'],
  store: ['batch', 'spool', 'validate', 'alarm'],
  alarm: [],
}
const stageRules = Object.entries(stages).map(([stage, may]) => ({
  name: `stage ${stage}`,
  files: [`ingest/src/${stage}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: Object.keys(stages)
              .filter((s) => s !== stage && !may.includes(s))
              .map((s) => `../${s}/**`)
              .concat('../ingest.ts'),
            message: `${stage} stands before that stage`,
          },
          { group: ['@yiping/server', '@yiping/server/*', '@yiping/simulator', '@yiping/web'], message: 'ingest imports contract and db only' },
        ],
      },
    ],
  },
}))

export default ts.config(
  { ignores: ['**/node_modules/**', '**/dist/**', 'data/**', 'coverage/**', 'bench/results/**'] },
  {
    files: ['**/*.ts', '**/*.vue'],
    languageOptions: {
      parser: ts.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname, extraFileExtensions: ['.vue'] },
    },
    plugins: { '@typescript-eslint': ts.plugin },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
      '@typescript-eslint/only-throw-error': 'error',
      'no-constant-binary-expression': 'error',
      eqeqeq: 'error',
    },
  },
  ...vue.configs['flat/essential'].map((c) => ({ ...c, files: c.files ?? ['web/**/*.vue'] })),
  {
    files: ['web/**/*.vue'],
    languageOptions: {
      parser: vueParser,
      parserOptions: { parser: ts.parser, projectService: true, tsconfigRootDir: import.meta.dirname, extraFileExtensions: ['.vue'] },
    },
    rules: { 'vue/multi-word-component-names': 'off', 'vue/no-v-html': 'error' },
  },
  ...arrowRules,
  ...stageRules,
  {
    name: 'only config reads the environment',
    files: ['{contract,db,ingest,server,simulator}/**/*.ts'],
    ignores: ['**/main.ts', '**/test/**', '**/testing/**', '**/*.test.ts', 'db/embedded/**', 'bench/**'],
    rules: {
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'configuration is read once, in main.ts, through readEnvironment' }],
    },
  },
  {
    name: 'SQL lives in db',
    files: ['{ingest,server,simulator,web}/src/**/*.{ts,vue}'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: "CallExpression[callee.property.name='query'] > Literal", message: 'SQL stands in db/src' },
        { selector: "CallExpression[callee.property.name='query'] > TemplateLiteral", message: 'SQL stands in db/src' },
      ],
    },
  },
)
