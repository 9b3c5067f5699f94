import type { Figure } from './support/figure.ts';

export declare const gpu: () => Promise<Figure[]>;
