// The layers of src/, lowest first. A file may import its own layer and lower ones; layers on the
// same line are siblings and do not know each other.
const LAYERS = [
  ['base'],
  ['protocols'],
  ['engine'],
  ['devices'],
  ['netfilter'],
  ['stack'],
  ['apps'],
  ['world'],
  ['docker'],
  ['swarm'],
  ['topology'],
  ['load'],
  ['observe'],
  ['draw'],
  ['page'],
  ['scenario'],
  ['shell'],
  ['cli'],
];

// A packet's way must run as it is in a browser page and must not wait for anybody's library.
const LAYERS_WITHOUT_PACKAGES = [
  'base',
  'protocols',
  'engine',
  'devices',
  'netfilter',
  'stack',
  'apps',
];

const oneOf = (names) => `^src/(${names.join('|')})/`;

const layerRules = LAYERS.flatMap((rank, index) =>
  rank.map((layer) => {
    const lower = LAYERS.slice(0, index).flat();
    const allowed = [...lower, layer];
    return {
      name: `layer-${layer}`,
      comment: `src/${layer} may import only: ${allowed.join(', ')}`,
      severity: 'error',
      from: { path: oneOf([layer]) },
      to: { path: '^src/', pathNot: oneOf(allowed) },
    };
  }),
);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'known-layer',
      comment: 'a folder under src/ is a layer: name it in LAYERS above',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: oneOf(LAYERS.flat()) },
    },
    {
      name: 'public-api-without-cli',
      comment: 'src/index.ts is the public API, which runs without Node',
      severity: 'error',
      from: { path: '^src/[^/]+$' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'node-in-cli-only',
      comment: 'only src/cli may use node:* modules; everything else runs in a browser page',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-packages-below-world',
      comment: `no npm package in: ${LAYERS_WITHOUT_PACKAGES.join(', ')}`,
      severity: 'error',
      from: { path: oneOf(LAYERS_WITHOUT_PACKAGES) },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg'] },
    },
    {
      name: 'no-dev-packages',
      comment: 'what src/ imports must be in "dependencies"',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only'] },
    },
    {
      name: 'no-cycle',
      comment: 'files must not need each other at run time (types may)',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'the imported file or package does not exist',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
