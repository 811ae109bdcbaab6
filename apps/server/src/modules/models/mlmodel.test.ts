import { expect, test } from 'vitest'
import { readModelFolder } from './mlmodel.ts'

const file = (path: string) => ({ path, hash: 'a'.repeat(64), sizeBytes: 1 })
const MLMODEL = `
flavors:
  python_function: { loader_module: mlflow.sklearn }
  onnx: { data: model.onnx, onnx_version: 1.23.2 }
run_id: 0123
signature:
  inputs: '[{"type": "string", "name": "carrier", "required": true}, {"type": "float", "name": "temp", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}, "name": "probabilities"}]'
  params: null
`

test('reads flavours, signature and the ONNX file of a model folder', () => {
  expect(
    readModelFolder(
      [file('MLmodel'), file('model.onnx'), file('model.pkl')],
      MLMODEL.replace('run_id: 0123', "run_id: '0123'"),
    ),
  ).toEqual({
    flavours: ['python_function', 'onnx'],
    onnxPath: 'model.onnx',
    runId: '0123',
    runsCode: true,
    signature: {
      inputs: [
        { name: 'carrier', type: 'string', required: true, shape: null },
        { name: 'temp', type: 'float', required: false, shape: null },
      ],
      outputs: [{ name: 'probabilities', type: 'float32', required: true, shape: [-1, 2] }],
      params: [],
    },
  })
})

test('a folder with one ONNX file and no MLmodel is a model that runs no code', () => {
  expect(readModelFolder([file('m.onnx')], undefined)).toMatchObject({
    flavours: ['onnx'],
    onnxPath: 'm.onnx',
    runsCode: false,
  })
})

test('refuses what is no model, naming the remedy', () => {
  expect(() => readModelFolder([file('a.txt')], undefined)).toThrow('save_model')
  expect(() => readModelFolder([file('a.onnx'), file('b.onnx')], undefined)).toThrow('more than one')
  expect(() => readModelFolder([file('MLmodel')], 'flavors: [')).toThrow('not YAML')
  expect(() => readModelFolder([file('MLmodel')], 'flavors: 3')).toThrow('not as MLflow writes it')
  expect(() => readModelFolder([file('MLmodel')], "flavors: {}\nsignature: { inputs: '{' }")).toThrow('signature')
})
