import { describe, expect, it } from 'vitest';
import { ProgressMeter } from './progress-meter.js';

const steps = [
  { words: 'Reading', weight: 10, nodeIds: ['1', '2'] },
  { words: 'Painting', weight: 90, nodeIds: ['3'] },
];

describe('ProgressMeter', () => {
  it('weights finished nodes and counts the running one in part', () => {
    const meter = new ProgressMeter(steps);
    meter.enter('1');
    meter.enter('2');
    expect(meter.reading).toEqual({ percent: 5, step: 'Reading' });
    meter.enter('3');
    meter.report([{ nodeId: '3', value: 15, max: 30, isFinished: false }]);
    expect(meter.reading).toEqual({ percent: 55, step: 'Painting' });
  });

  it('never goes back when a node starts its bar again', () => {
    const meter = new ProgressMeter(steps);
    meter.report([{ nodeId: '3', value: 20, max: 30, isFinished: false }]);
    const before = meter.reading.percent;
    meter.report([{ nodeId: '3', value: 1, max: 30, isFinished: false }]);
    expect(meter.reading.percent).toBe(before);
  });

  it('ignores nodes that belong to no step', () => {
    const meter = new ProgressMeter(steps);
    meter.report([{ nodeId: '73.0.0.1', value: 1, max: 2, isFinished: false }]);
    expect(meter.reading).toEqual({ percent: 0, step: null });
  });
});
