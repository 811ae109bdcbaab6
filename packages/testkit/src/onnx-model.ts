/**
 * Small ONNX models made byte by byte, so that tests need neither Python nor files in the repository. Field numbers are those of
 * onnx.proto (onnx/onnx, IR version 8, opset 17, ai.onnx.ml 3).
 */

const FLOAT = 1
const INT64 = 7
const STRING = 8
type ElementType = typeof FLOAT | typeof INT64 | typeof STRING

/** `x` FP32 [N, weights] → `y` FP32 [N, 1] = x·weights + bias. */
export function linearModel(weights: readonly number[], bias: number): Buffer {
  return model({
    nodes: [node('Gemm', ['x', 'w', 'b'], ['y'])],
    initializers: [floats('w', [weights.length, 1], weights), floats('b', [1], [bias])],
    inputs: [value('x', FLOAT, [-1, weights.length])],
    outputs: [value('y', FLOAT, [-1, 1])],
  })
}

/** `x` FP32 [N, 1] → `y` FP32 [N, 1] = log(x): NaN for a negative, -Infinity for zero. */
export function logModel(): Buffer {
  return model({
    nodes: [node('Log', ['x'], ['y'])],
    initializers: [],
    inputs: [value('x', FLOAT, [-1, 1])],
    outputs: [value('y', FLOAT, [-1, 1])],
  })
}

/** `x` FP32 [N, 1] → `y` FP32 [N, 1] = 1 for 0, 2 for 1; every other value fails inside the model (index out of range). */
export function failingModel(): Buffer {
  return model({
    nodes: [node('Cast', ['x'], ['i'], [intAttribute('to', INT64)]), node('Gather', ['table', 'i'], ['y'])],
    initializers: [floats('table', [2], [1, 2])],
    inputs: [value('x', FLOAT, [-1, 1])],
    outputs: [value('y', FLOAT, [-1, 1])],
  })
}

/**
 * A classifier as skl2onnx writes it: a STRING [N, 1] input for each of `categories` (its texts count 1, 2, … ; unknown ones 0) and a
 * FP32 [N, 1] input for each of `numbers`, → `label` INT64 [N], `probabilities` FP32 [N, 2]. The logit is the bias plus the weighted
 * sum; a missing number (NaN) counts 0.
 */
export function classifierModel(of: {
  categories: Readonly<Record<string, readonly string[]>>
  numbers: readonly string[]
  weights: readonly number[]
  bias: number
}): Buffer {
  const encoders = Object.entries(of.categories).map(([name, texts]) =>
    node(
      'LabelEncoder',
      [name],
      [`${name}_code`],
      [
        stringsAttribute('keys_strings', texts),
        floatsAttribute(
          'values_floats',
          texts.map((_, i) => i + 1),
        ),
        floatAttribute('default_float', 0),
      ],
      'ai.onnx.ml',
    ),
  )
  const cleaned = of.numbers.flatMap((name) => [
    node('IsNaN', [name], [`${name}_missing`]),
    node('Where', [`${name}_missing`, 'zero', name], [`${name}_clean`]),
  ])
  const columns = [
    ...Object.keys(of.categories).map((name) => `${name}_code`),
    ...of.numbers.map((name) => `${name}_clean`),
  ]
  return model({
    nodes: [
      ...encoders,
      ...cleaned,
      node('Concat', columns, ['features'], [intAttribute('axis', 1)]),
      node('Gemm', ['features', 'w', 'b'], ['logit']),
      node('Sigmoid', ['logit'], ['p1']),
      node('Sub', ['one', 'p1'], ['p0']),
      node('Concat', ['p0', 'p1'], ['probabilities'], [intAttribute('axis', 1)]),
      node('ArgMax', ['probabilities'], ['label'], [intAttribute('axis', 1), intAttribute('keepdims', 0)]),
    ],
    initializers: [
      floats('w', [of.weights.length, 1], of.weights),
      floats('b', [1], [of.bias]),
      floats('one', [1], [1]),
      floats('zero', [1], [0]),
    ],
    inputs: [
      ...Object.keys(of.categories).map((name) => value(name, STRING, [-1, 1])),
      ...of.numbers.map((name) => value(name, FLOAT, [-1, 1])),
    ],
    outputs: [value('label', INT64, [-1]), value('probabilities', FLOAT, [-1, 2])],
  })
}

function model(of: { nodes: Buffer[]; initializers: Buffer[]; inputs: Buffer[]; outputs: Buffer[] }): Buffer {
  const graph = Buffer.concat([
    ...of.nodes.map((item) => message(1, item)),
    text(2, 'graph'),
    ...of.initializers.map((item) => message(5, item)),
    ...of.inputs.map((item) => message(11, item)),
    ...of.outputs.map((item) => message(12, item)),
  ])
  return Buffer.concat([
    integer(1, 8),
    text(2, 'kiban-testkit'),
    message(7, graph),
    message(8, Buffer.concat([text(1, ''), integer(2, 17)])),
    message(8, Buffer.concat([text(1, 'ai.onnx.ml'), integer(2, 3)])),
  ])
}

function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly Buffer[] = [],
  domain = '',
): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, operator),
    ...attributes.map((item) => message(5, item)),
    text(7, domain),
  ])
}

function value(name: string, type: ElementType, shape: readonly number[]): Buffer {
  const dimensions = shape.map((size) => message(1, size === -1 ? text(2, 'N') : integer(1, size)))
  const tensor = Buffer.concat([integer(1, type), message(2, Buffer.concat(dimensions))])
  return Buffer.concat([text(1, name), message(2, message(1, tensor))])
}

function floats(name: string, shape: readonly number[], values: readonly number[]): Buffer {
  return Buffer.concat([
    ...shape.map((size) => integer(1, size)),
    integer(2, FLOAT),
    text(8, name),
    message(9, Buffer.from(Float32Array.from(values).buffer)),
  ])
}

function intAttribute(name: string, number: number): Buffer {
  return Buffer.concat([text(1, name), integer(3, number), integer(20, 2)])
}

function floatAttribute(name: string, number: number): Buffer {
  return Buffer.concat([text(1, name), float(2, number), integer(20, 1)])
}

function floatsAttribute(name: string, numbers: readonly number[]): Buffer {
  return Buffer.concat([text(1, name), ...numbers.map((number) => float(7, number)), integer(20, 6)])
}

function stringsAttribute(name: string, texts: readonly string[]): Buffer {
  return Buffer.concat([text(1, name), ...texts.map((item) => text(9, item)), integer(20, 8)])
}

function varint(number: number): Buffer {
  const bytes: number[] = []
  let rest = number
  while (rest > 127) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}

function integer(field: number, number: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(number)])
}

function float(field: number, number: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(number)
  return Buffer.concat([varint(field * 8 + 5), bytes])
}

function message(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes])
}

function text(field: number, content: string): Buffer {
  return message(field, Buffer.from(content, 'utf8'))
}
