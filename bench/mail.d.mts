import type { Figure } from './support/figure.ts';

export declare const mail: () => Promise<Figure[]>;
