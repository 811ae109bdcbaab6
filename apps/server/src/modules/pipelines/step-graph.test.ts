import { describe, expect, test } from 'vitest'
import type { StepState } from '@kiban/contract/pipelines'
import { PipelineSpec } from '@kiban/contract/project-file/pipeline-schema'
import { downstreamOf, needsOf, readiness } from './step-graph.ts'

const spec = PipelineSpec.parse({
  steps: {
    a: { run: 'a' },
    b: { run: 'b' },
    both: { run: 'c', needs: ['a'], inputs: { x: '${{ steps.b.outputs.x }}' } },
    either: { run: 'd', inputs: { x: '${{ default(steps.a.outputs.x, steps.b.outputs.x) }}' } },
    anyway: { run: 'e', needs: ['a'], if: '${{ always() }}' },
    last: { run: 'f', needs: ['both'] },
  },
})
const verdict = (step: string, a: StepState, b: StepState): string => {
  const ready = readiness(
    spec,
    step,
    new Map<string, StepState>([
      ['a', a],
      ['b', b],
    ]),
  )
  return ready.verdict === 'ready' && ready.failed ? 'ready, failed' : ready.verdict
}

describe('a step', () => {
  test.each<[string, StepState, StepState, string]>([
    ['both', 'succeeded', 'running', 'wait'],
    ['both', 'failed', 'running', 'wait'],
    ['both', 'succeeded', 'succeeded', 'ready'],
    ['both', 'failed', 'succeeded', 'upstream_failed'],
    ['both', 'skipped', 'succeeded', 'skipped'],
    ['both', 'skipped', 'failed', 'upstream_failed'],
    ['both', 'upstream_failed', 'succeeded', 'upstream_failed'],
    ['either', 'skipped', 'succeeded', 'ready'],
    ['either', 'succeeded', 'waiting', 'wait'],
    ['anyway', 'running', 'succeeded', 'wait'],
    ['anyway', 'failed', 'succeeded', 'ready, failed'],
    ['anyway', 'skipped', 'succeeded', 'ready'],
  ])('%s, when a is %s and b is %s: %s', (step, a, b, expected) => expect(verdict(step, a, b)).toBe(expected))

  test('has all that it names as needs, and all after it downstream', () => {
    expect(needsOf(spec, 'both')).toEqual(['a', 'b'])
    expect(downstreamOf(spec, 'b').toSorted()).toEqual(['b', 'both', 'either', 'last'])
  })
})
