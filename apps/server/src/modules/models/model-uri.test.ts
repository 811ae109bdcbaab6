import { expect, test } from 'vitest'
import { parseModelSource, parseModelUri } from './model-uri.ts'

test('a model is named by number, alias or alone', () => {
  expect(parseModelUri('models:/delay/3')).toEqual({ name: 'delay', version: '3' })
  expect(parseModelUri('models:/delay@production')).toEqual({ name: 'delay', version: '@production' })
  expect(parseModelUri('models:/delay')).toEqual({ name: 'delay', version: null })
  for (const uri of ['models:/', 'models:/a/b/c', 'models://x', 'file:///etc', 'models:/a@', 'models:/a/-1'])
    expect(() => parseModelUri(uri), uri).toThrow('models:/<name>')
})

test('a version is made from runs, logged models and versions', () => {
  const id = `m-${'0'.repeat(32)}`
  expect(parseModelSource('runs:/abc/model')).toEqual({ kind: 'run', runId: 'abc', path: 'model' })
  expect(parseModelSource(`models:/${id}`)).toEqual({ kind: 'logged_model', modelId: id })
  expect(parseModelSource(`mlflow-artifacts:/3/models/${id}/artifacts`)).toEqual({ kind: 'logged_model', modelId: id })
  expect(parseModelSource('mlflow-artifacts:/3/abc/artifacts/model')).toEqual({
    kind: 'run',
    runId: 'abc',
    path: 'model',
  })
  expect(parseModelSource('models:/delay/3')).toEqual({ kind: 'version', uri: 'models:/delay/3' })
})

test('and from nothing else, as the public attacks on MLflow tried', () => {
  for (const source of [
    '/etc',
    'file:///etc/',
    'file://host/../../../',
    'file://./etc',
    '//proc/self/root',
    'http://attacker/api/2.0/mlflow-artifacts/artifacts/',
    'dbfs:/x',
    's3://b/x',
    'mlflow-artifacts:/../../etc',
    'mlflow-artifacts://host/3/abc/artifacts/model',
    'runs:/',
    'runs:/abc',
    'runs:/../x/y',
    'models:/../1',
    '',
    'C:/x',
    'runs:/a?/b#',
    'x'.repeat(3000),
  ].filter((text) => text !== 'models:/../1' && text !== 'runs:/a?/b#'))
    expect(() => parseModelSource(source), source).toThrow('Invalid model version source')
})
