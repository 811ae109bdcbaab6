import { expect, test } from 'vitest'
import { parseMetricLine } from './collect-metrics.ts'

test.each<[string, [string, number, number][]]>([
  ['kiban:metric auc=0.7 step=3', [['auc', 0.7, 3]]],
  [
    'kiban:metric auc=0.7 log_loss=1e-3',
    [
      ['auc', 0.7, 0],
      ['log_loss', 0.001, 0],
    ],
  ],
  ['kiban:metric val/auc=-1 step=0', [['val/auc', -1, 0]]],
  ['kiban:metric auc=high', []],
  ['kiban:metric auc=NaN', []],
  ['kiban:metric =1', []],
  [' kiban:metric auc=1', []],
  ['auc=1', []],
])('%s', (line, expected) => {
  expect(parseMetricLine(line, 5).map(({ key, value, step }) => [key, value, step])).toEqual(expected)
})
