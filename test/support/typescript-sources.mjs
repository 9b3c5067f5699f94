/**
 * Lets plain Node run the TypeScript sources, in the main thread and in worker threads: an import
 * of `./x.js` that is not there means `./x.ts`. Use: `node --experimental-transform-types --import`.
 */
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (!/^(\.|file:)/.test(specifier) || !specifier.endsWith('.js')) throw error;
      return next(specifier.replace(/\.js$/, '.ts'), context);
    }
  },
});
