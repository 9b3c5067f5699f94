/** `npm run cli -- <command>`: builds if needed, then runs the command line in this process. */
import { launch } from './launch.mjs';

await launch('cli.js');
