import { describe, expect, it } from 'vitest'
import { parseProjectFile } from './parse.ts'
import { errorSentence, renderFileErrors } from './file-error.ts'
import { projectFileJsonSchema } from './schema.ts'

const FLIGHTS = `project: flights
vars: { month: 1mo }
defaults: { environment: py, code: [train.py] }
environments: { py: { python: "3.11", requirements: requirements.txt } }
datasets:
  flights: { source: data/flights-*.parquet, contract: flights.odcs.yaml }
  outcomes: {}
pipelines:
  train:
    params: { cutoff: { type: date, default: 2013-04-01 }, trials: 8 }
    steps:
      prepare:
        sql: prepare.sql # reads $cutoff
        inputs: { flights: datasets:/flights, cutoff: "\${{ params.cutoff }}" }
        outputs: { fit: dataset, holdout: dataset }
      train:
        run: python train.py \${{ inputs.fit }} --rate \${{ trial.rate }} --out \${{ outputs.model }}
        inputs: { fit: "\${{ steps.prepare.outputs.fit }}" }
        outputs: { model: model }
        sweep:
          space: { rate: { low: 0.01, high: 0.3 } }
          objective: { metric: log_loss, direction: minimize }
          budget: { trials: "\${{ params.trials }}" }
        retry: [{ on: oom, times: 2, memory: x2 }]
      release:
        uses: kiban/release
        inputs: { model: "\${{ steps.train.outputs.model }}", name: delay, evaluation: "\${{ steps.prepare.outputs.holdout }}" }
models:
  delay: { target: late, gate: { checks: [{ metric: auc, min: 0.7 }, { metric: log_loss, betterThan: production, bootstrap: day }] } }
endpoints:
  delay: { model: models:/delay@production, rollout: { strategy: canary } }
monitors:
  delays:
    endpoint: delay
    window: \${{ vars.month }}
    labels: { dataset: datasets:/outcomes, column: late, within: 2d }
    signals: { data_drift: { threshold: learned }, performance: { checks: [{ metric: ece, max: 0.05, for: 2 }] } }
loops:
  delay: { when: [{ monitor: delays, signal: performance }], pipeline: train, params: { cutoff: "\${{ date(trigger.end) }}" }, model: delay, endpoint: delay }
`

function codes(text: string): string[] {
  return (parseProjectFile(text, { path: 'kiban.yaml' }).errors ?? []).map(
    (error) => `${error.line}:${error.column} ${error.code}`,
  )
}

function only(text: string) {
  const errors = parseProjectFile(text, { path: 'kiban.yaml' }).errors ?? []
  expect(errors.map((error) => error.code)).toHaveLength(1)
  const [error] = errors
  if (!error) throw new Error('expected an error')
  return error
}

const step = (body: string): string =>
  `project: x\npipelines:\n  p:\n    params: { n: 3, s: abc, b: true }\n    steps:\n      a: { run: echo, outputs: { o: json } }\n      s: ${body}\n`

describe('a project file', () => {
  it('is read whole, with defaults filled in and constants resolved', () => {
    const { file, errors } = parseProjectFile(FLIGHTS, { path: 'kiban.yaml' })
    expect(errors).toBeUndefined()
    expect(file?.project.name).toBe('flights')
    expect(file?.monitors['delays']?.window).toBe('1mo')
    expect(file?.endpoints['delay']?.rollout?.steps).toEqual([10, 50, 100])
    expect(file?.pipelines['train']?.steps['prepare']?.inputs['cutoff']).toBe('${{ params.cutoff }}')
    expect(file?.loops['delay']?.params).toEqual({ cutoff: '${{ date(trigger.end) }}' })
  })

  it('gives all errors at once, in the order of the text', () => {
    const broken = FLIGHTS.replace('environment: py,', 'enviroment: py,')
      .replace('datasets:/flights,', 'datasets:/fligts,')
      .replace('min: 0.7', 'min: high')
    expect(codes(broken)).toEqual(['3:13 unknown_key', '14:28 unknown_reference', '29:63 wrong_type'])
  })

  it('names the key that was meant, in the rendered form of the design', () => {
    const text = step('{ run: echo, enviroment: py }')
    const error = only(text)
    expect(errorSentence(error)).toBe('`enviroment` is not a key of a step; did you mean `environment`?')
    expect(renderFileErrors([error], text)).toBe(
      'kiban.yaml:7:23: error: `enviroment` is not a key of a step; did you mean `environment`? [unknown_key]\n    7 |       s: { run: echo, enviroment: py }  docs: project-file#step',
    )
  })

  it('says where a key belongs when no sibling is near', () => {
    expect(only(step('{ run: echo, rollout: 1 }')).hint).toBe('`rollout` is a key of an endpoint')
    expect(only(step('{ run: echo, foreach: 1 }')).hint).toBe('it is called `matrix` here')
  })

  it.each([
    ['- x', 'wrong_type'],
    ['', 'wrong_type'],
    ['project: a\nproject: b', 'duplicate_key'],
    ['project: [', 'yaml_syntax'],
    ['title: a', 'unknown_key'],
    ['project: 9a', 'bad_name'],
    ['project: a\nkiban: 2', 'newer_format'],
    ['project: a\n<<: {}', 'merge_key'],
    ['project: a\nenvironments: { py: { python: 3.10 } }', 'unquoted_version'],
    ['project: a\ndatasets: { a-b: {}, A_B: {} }', 'duplicate_name'],
    ['project: a\ndatasets: { d: { contract: ../secret.yaml } }', 'out_of_range'],
    [step('{ run: echo, sql: x.sql }'), 'step_kind'],
    [step('{ needs: [a] }'), 'step_kind'],
    [step('{ run: echo, needs: [b] }'), 'unknown_reference'],
    [step('{ run: echo, timeout: 10x }'), 'out_of_range'],
    [step('{ run: echo, if: "${{ params.s }}" }'), 'type_mismatch'],
    [step('{ run: echo, if: "${{ params.n < \'3\' }}" }'), 'type_mismatch'],
    [step('{ run: "echo \'${{ params.s }}\'" }'), 'unsafe_expression'],
    [step('{ run: "echo ${{ params.t }}" }'), 'unknown_reference'],
    [step('{ run: "echo ${{ secrets.T }}" }'), 'not_available_here'],
    [step('{ run: "echo ${{ trial.rate }}" }'), 'not_available_here'],
    [step('{ run: echo, inputs: { i: "${{ outputs.o }}" } }'), 'not_available_here'],
    [step('{ run: echo, inputs: { i: "${{ steps.a.outputs.p }}" } }'), 'unknown_reference'],
    [step('{ run: echo, inputs: { i: "${{ steps.a.best }}" } }'), 'not_supported_yet'],
    [step('{ run: echo, resources: { gpu: 1 } }'), 'not_supported_yet'],
    [step('{ run: echo, notebook: a.ipynb }'), 'step_kind'],
    [step('{ notebook: a.ipynb }'), 'not_supported_yet'],
    [step('{ run: echo, matrix: { a: [1] } }'), 'not_supported_yet'],
    [step('{ run: echo, outputs: { o: { type: dataset, publish: datasets:/o/3 } } }'), 'bad_uri'],
    ['project: a\nfeatures: {}', 'not_supported_yet'],
    ['project: a\npipelines: { p: { steps: {} } }', 'out_of_range'],
    ['project: a\nendpoints: { e: { model: models:/m@production } }', 'unknown_reference'],
  ])('refuses %j with %s', (text, code) => {
    const found = codes(text).map((entry) => entry.split(' ')[1])
    expect(found).toContain(code)
  })

  it('names the steps of a cycle in the order in which they wait', () => {
    const text = 'project: x\npipelines: { p: { steps: { a: { run: x, needs: [b] }, b: { run: x, needs: [a] } } } }'
    expect(only(text).message).toBe('steps wait for each other: a > b > a')
  })

  it('places an error in an expression at its character', () => {
    expect(codes(step('{ run: "echo ${{ params.t }}" }'))).toEqual(['7:27 unknown_reference'])
    expect(
      codes(
        'project: x\npipelines:\n  p:\n    steps:\n      s:\n        run: |\n          echo a\n          echo ${{ params.t }}\n',
      ),
    ).toEqual(['8:20 unknown_reference'])
  })

  it('drops x-* keys, resolves aliases, and refuses too many', () => {
    const text =
      'project: a\nx-common: &c { python: "3.11" }\nenvironments: { py: *c, q: { x-note: hi, python: "3.12" } }'
    expect(parseProjectFile(text, { path: 'k' }).file?.environments).toEqual({
      py: { python: '3.11' },
      q: { python: '3.12' },
    })
    const bomb = `project: a\nvars:\n  a: &a [1,1,1,1,1,1,1,1,1,1]\n${'bcdefgh'
      .split('')
      .map((c, i) => `  ${c}: &${c} [${Array(10).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
      .join('\n')}`
    expect(codes(bomb)).toEqual(['1:1 too_many_aliases'])
  })

  it('takes a range written with a point as one of floats', () => {
    const text = step(
      '{ run: "echo ${{ trial.a }}", sweep: { space: { a: { low: 0.0, high: 2.0 }, b: { low: 0, high: 2 } }, objective: { metric: m, direction: minimize }, budget: { trials: 3 } } }',
    )
    const { file } = parseProjectFile(text, { path: 'k' })
    expect(file?.pipelines['p']?.steps['s']?.sweep?.space).toEqual({
      a: { low: 0, high: 2, type: 'float' },
      b: { low: 0, high: 2 },
    })
  })

  it('never throws on damaged text', () => {
    let seed = 7
    const random = (n: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n
    for (let i = 0; i < 400; i += 1) {
      const at = random(FLIGHTS.length)
      const junk = ['', '${{', '}}', "'", '{', ':', '\n', '- ', '[', 'null', '&a', '*a', '\t'][random(13)] ?? ''
      const damaged = FLIGHTS.slice(0, at) + junk + FLIGHTS.slice(at + random(20))
      const result = parseProjectFile(damaged, { path: 'k' })
      expect(result.file !== undefined || result.errors.length > 0).toBe(true)
      for (const error of result.errors ?? []) expect(error.line).toBeGreaterThan(0)
    }
  })

  it('gives editors a JSON Schema that allows x-* keys', () => {
    const schema = projectFileJsonSchema()
    expect(JSON.stringify(schema)).toContain('"enum":["all_at_once","blue_green","canary","shadow"]')
    expect(schema['patternProperties']).toEqual({ '^x-': true })
  })
})
