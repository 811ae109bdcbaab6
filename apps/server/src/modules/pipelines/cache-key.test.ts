import { describe, expect, test } from 'vitest'
import { StepSpec } from '@kiban/contract/project-file/pipeline-schema'
import { cacheKey, differences, keyParts } from './cache-key.ts'
import type { KeyInput } from './cache-key.ts'

const base: KeyInput = {
  step: StepSpec.parse({ run: 'python a.py', outputs: { m: 'model' } }),
  body: 'python a.py',
  variables: { KIBAN_E0: [{ input: 'd' }] },
  env: { MODE: 'x' },
  secretEnv: { TOKEN: 'token' },
  sweep: null,
  code: [{ path: 'a.py', hash: 'a'.repeat(64), sizeBytes: 1 }],
  environment: { name: 'py', lockHash: 'lock', env: { LANG: 'C' } },
  inputs: { d: { tree: 'b'.repeat(64), type: 'dataset' }, n: { value: 3 } },
}
const key = (change: Partial<KeyInput>): string => cacheKey(keyParts({ ...base, ...change }))
const step = (change: object): StepSpec => StepSpec.parse({ run: 'python a.py', outputs: { m: 'model' }, ...change })

describe('a cache key', () => {
  test('is the same for the same parts, whatever their order', () => {
    expect(key({ inputs: { n: { value: 3 }, d: { tree: 'b'.repeat(64), type: 'dataset' } } })).toBe(key({}))
  })

  test.each<[string, Partial<KeyInput>]>([
    ['body', { body: 'python b.py' }],
    ['value', { variables: { KIBAN_E0: '7' } }],
    ['code', { code: [{ path: 'a.py', hash: 'c'.repeat(64), sizeBytes: 1 }] }],
    ['mode', { code: [{ path: 'a.py', hash: 'a'.repeat(64), sizeBytes: 1, mode: 0o755 }] }],
    ['path', { code: [{ path: 'b.py', hash: 'a'.repeat(64), sizeBytes: 1 }] }],
    ['lock', { environment: { name: 'py', lockHash: 'other', env: { LANG: 'C' } } }],
    ['environment variable', { environment: { name: 'py', lockHash: 'lock', env: { LANG: 'D' } } }],
    ['input', { inputs: { ...base.inputs, n: { value: '3' } } }],
    ['input tree', { inputs: { ...base.inputs, d: { tree: 'c'.repeat(64), type: 'dataset' } } }],
    ['env', { env: { MODE: 'y' } }],
    ['secret name', { secretEnv: { TOKEN: 'other' } }],
    ['output type', { step: step({ outputs: { m: 'folder' } }) }],
    ['dir', { step: step({ dir: 'src' }) }],
    ['cache version', { step: step({ cache: { version: '2' } }) }],
    ['a long value', { variables: { KIBAN_E0: 'x'.repeat(500) } }],
  ])('changes with the %s', (_what, change) => expect(key(change)).not.toBe(key({})))

  test.each<[string, object]>([
    ['resources', { resources: { cpu: 2 } }],
    ['retries', { retry: [{ on: 'oom', times: 1 }] }],
    ['the time limit', { timeout: '1h' }],
    ['needs', { needs: ['other'] }],
    ['a description', { description: 'what it is' }],
    ['parallel', { parallel: 3 }],
  ])('does not change with %s', (_what, change) => expect(key({ step: step(change) })).toBe(key({})))

  test('leaves out what `ignore` names', () => {
    const ignoring = { step: step({ cache: { ignore: ['n', 'MODE'] } }) }
    expect(key({ ...ignoring, inputs: { ...base.inputs, n: { value: 9 } }, env: { MODE: 'z' } })).toBe(key(ignoring))
  })

  test('of a sweep changes with the evaluated budget and the texts of trials', () => {
    const sweep = {
      space: { x: { low: 0, high: 1 } },
      objective: { metric: 'm', direction: 'minimize' },
      budget: { trials: '${{ params.n }}' },
    }
    const of = (budget: number, env: Record<string, string> = {}): string =>
      key({ step: step({ sweep }), sweep: { budget: { trials: budget, time: null }, env } })
    expect(of(4)).not.toBe(of(8))
    expect(of(4)).not.toBe(of(4, { X: '${{ trial.x }}' }))
  })

  test('explains itself: what changed, came and went', () => {
    const after = keyParts({
      ...base,
      env: {},
      code: [...base.code, { path: 'b.py', hash: 'd'.repeat(64), sizeBytes: 1 }],
      inputs: { ...base.inputs, n: { value: 4 } },
    })
    expect(differences(keyParts(base), after)).toEqual([
      { part: 'code', name: 'b.py', before: null, after: 'd'.repeat(64) },
      { part: 'inputs', name: 'n', before: '3', after: '4' },
      { part: 'env', name: 'MODE', before: 'x', after: null },
    ])
  })
})
