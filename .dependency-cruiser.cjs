/** The import rule of docs/architecture.md, as code. */
/** module → the modules it may import (besides npm packages and itself). */
const MAY_IMPORT = {
  config: [],
  platform: ['config'],
  embedded: ['config', 'platform'],
  auth: ['config', 'platform'],
  storage: ['config', 'platform', 'auth'],
  credits: ['config', 'platform', 'auth', 'storage'],
  jobs: ['config', 'platform', 'auth', 'storage', 'credits'],
  comfy: ['config', 'platform', 'auth', 'storage', 'credits', 'jobs'],
  tools: ['config', 'platform', 'auth', 'storage', 'credits', 'jobs'],
  mail: ['config', 'platform', 'auth', 'storage', 'credits', 'jobs'],
  sandbox: [],
};
const PRODUCT = ['auth', 'storage', 'credits', 'jobs', 'comfy', 'tools', 'mail'];

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'A cycle means that two files are one.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
      name: `left-only-${name}`,
      comment: 'Imports point left only; see docs/architecture.md, Folders.',
      severity: 'error',
      from: { path: `^src/${name}/` },
      to: {
        path: '^src/',
        pathNot: [`^src/${name}/`, ...allowed.map((other) => `^src/${other}/`)],
      },
    })),
    ...PRODUCT.map((name) => ({
      name: `module-surface-${name}`,
      comment: 'Another module is used through its index.ts alone.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [`^src/${name}/`],
      },
      to: { path: `^src/${name}/`, pathNot: [`^src/${name}/index\\.ts$`] },
    })),
    {
      name: 'pure-core',
      comment: 'Wire types, graphs, workflows and domain rules know no framework.',
      severity: 'error',
      from: { path: '^src/comfy/(protocol|graph|workflows)/', pathNot: '\\.spec\\.ts$' },
      to: { path: 'node_modules/(@nestjs|typeorm|bullmq|express|nestjs-|pg/)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    exclude: { path: 'node_modules/(?!@nestjs|typeorm|bullmq|express|nestjs-|pg/)' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
