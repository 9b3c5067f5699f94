/** `npm start`: builds if needed, then runs the product in this process. */
import { launch } from './launch.mjs';

await launch('main.js');
