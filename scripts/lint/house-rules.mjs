/** The project's own lint rules. Each states what it protects in its message. */

const ROUTE_DECORATORS = new Set([
  'Get',
  'Post',
  'Put',
  'Patch',
  'Delete',
  'Head',
  'Options',
  'Search',
  'All',
  'Sse',
]);

const decoratorName = (decorator) => {
  const expression = decorator.expression;
  return expression.type === 'CallExpression' ? expression.callee.name : expression.name;
};

const noProcessEnv = {
  create: (context) => ({
    MemberExpression(node) {
      if (context.filename.includes('/src/config/')) return;
      if (node.object.name === 'process' && node.property.name === 'env') {
        context.report({
          node,
          message: 'Only src/config reads process.env; inject the configuration.',
        });
      }
    },
  }),
};

const routeDeclaresAccess = {
  create: (context) => ({
    ClassDeclaration(node) {
      const classDecorators = (node.decorators ?? []).map(decoratorName);
      if (!classDecorators.includes('Controller') || classDecorators.includes('Access')) return;
      for (const member of node.body.body) {
        const names = (member.decorators ?? []).map(decoratorName);
        if (names.some((name) => ROUTE_DECORATORS.has(name)) && !names.includes('Access')) {
          context.report({
            node: member,
            message: 'Every route declares who may call it with @Access(…).',
          });
        }
      }
    },
  }),
};

const testTitle = {
  create: (context) => ({
    CallExpression(node) {
      const title = node.arguments[0];
      if (!['it', 'test'].includes(node.callee.name) || typeof title?.value !== 'string') return;
      if (/\bshould\b|\bworks\b/i.test(title.value)) {
        context.report({ node, message: 'A test title states behaviour in the present tense.' });
      }
    },
  }),
};

export default {
  meta: { name: 'house' },
  rules: {
    'no-process-env': noProcessEnv,
    'route-declares-access': routeDeclaresAccess,
    'test-title': testTitle,
  },
};
