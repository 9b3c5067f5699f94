import { ValidateBy } from 'class-validator';

/**
 * Text of `least` to `most` characters, counted by code point as PostgreSQL counts them. The library's
 * own rules leave variation selectors out, which lets longer text through than a column takes.
 */
export const Characters = (least: number, most: number): PropertyDecorator =>
  ValidateBy({
    name: 'characters',
    validator: {
      validate: (value: unknown) => {
        if (typeof value !== 'string') return false;
        const { length } = Array.from(value);
        return length >= least && length <= most;
      },
      defaultMessage: () => `must have ${least} to ${most} characters`,
    },
  });
