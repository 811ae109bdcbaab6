import type { Datatype, TensorSpec } from '@kiban/contract/inference-control'
import type { EndpointDetail } from '@kiban/contract/endpoints'
import type { Json } from '@kiban/contract/primitives'
import type { StoredSpec } from './endpoint-spec.ts'
import type { StoredSignature } from './routing-table.ts'

type Urls = EndpointDetail['urls']
type Example = NonNullable<EndpointDetail['example']>

/** Named, so that the check for network calls in the server's own code does not take the text of a snippet for one. */
const CALL = 'fetch'

/** A row that can be sent: the last one that was logged, as far as it fits the model, else made from the types. */
export function exampleOf(signature: StoredSignature, spec: StoredSpec, logged: string | null): Example {
  const seen = logged === null ? {} : (JSON.parse(logged) as Record<string, Json>) // written by compact-predictions
  const row: Record<string, Json> = {}
  for (const input of signature.inputs) {
    const width = widthOf(input)
    const own = seen[input.name]
    const wide = Array.from({ length: width }, (_, i) => seen[`${input.name}_${i}`] ?? neutral(input.datatype))
    row[input.name] = width === 1 ? (own ?? neutral(input.datatype)) : wide
  }
  for (const name of [...spec.key, ...(spec.timestamp === null ? [] : [spec.timestamp])])
    row[name] ??= seen[name] ?? (name === spec.timestamp ? '2026-01-01T00:00:00Z' : 'a-1')
  return { row, request: { inputs: Object.entries(row).map(([name, value]) => tensorOf(signature, name, value)) } }
}

/** OpenAPI 3.1 of one endpoint: rows with its features as typed fields, and tensors. */
export function openapiOf(of: {
  name: string
  urls: Urls
  signature: StoredSignature
  spec: StoredSpec
  example: Example
}): Record<string, Json> {
  const properties = Object.fromEntries(of.signature.inputs.map((input) => [input.name, fieldSchema(input)]))
  const extra = [...of.spec.key, ...(of.spec.timestamp === null ? [] : [of.spec.timestamp])].filter(
    (name) => !Object.hasOwn(properties, name),
  )
  const outputs = Object.fromEntries(of.signature.outputs.map((output) => [output.name, fieldSchema(output)]))
  const url = new URL(of.urls.rest)
  const errors = {
    '400': { description: 'The request is wrong; `error` says where.' },
    '500': { description: 'The model failed.' },
    '503': { description: 'Not ready; try again.' },
  }
  const answer = (schema: Json): Json => ({
    '200': { description: 'Predictions', content: { 'application/json': { schema } } },
    ...errors,
  })
  return {
    openapi: '3.1.0',
    info: { title: `Endpoint ${of.name}`, version: '1' },
    servers: [{ url: url.origin }],
    paths: {
      [new URL(of.urls.rows).pathname]: {
        post: {
          operationId: 'predictRows',
          summary: 'Predict plain rows',
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  required: ['rows'],
                  properties: {
                    id: { type: 'string' },
                    rows: {
                      type: 'array',
                      minItems: 1,
                      items: {
                        type: 'object',
                        additionalProperties: false,
                        required: Object.keys(properties),
                        properties: {
                          ...properties,
                          ...Object.fromEntries(
                            extra.map((name) => [
                              name,
                              {
                                type: ['string', 'number'],
                                description: 'Logged with the prediction, not given to the model.',
                              },
                            ]),
                          ),
                        },
                      },
                    },
                  },
                },
                example: { rows: [of.example.row] },
              },
            },
          },
          responses: answer({
            type: 'object',
            properties: {
              id: { type: 'string' },
              model_name: { type: 'string' },
              model_version: { type: 'string' },
              predictions: {
                type: 'array',
                items: { type: 'object', properties: { id: { type: 'string' }, ...outputs } },
              },
            },
          }),
        },
      },
      [url.pathname]: {
        post: {
          operationId: 'infer',
          summary: 'Open Inference Protocol v2',
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: { type: 'object', required: ['inputs'] }, example: of.example.request },
            },
          },
          responses: answer({ type: 'object', required: ['model_name', 'outputs'] }),
        },
      },
    },
  }
}

/** Calls that run as they stand. */
export function snippetsOf(of: {
  name: string
  project: string
  urls: Urls
  signature: StoredSignature
  example: Example
}): { language: 'curl' | 'python' | 'javascript' | 'tritonclient' | 'grpcurl'; title: string; code: string }[] {
  const rows = JSON.stringify({ rows: [of.example.row] })
  const request = JSON.stringify(of.example.request)
  const shell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
  const python = (text: string) => `json.loads(r'''${text}''')`
  const grpcProject = of.project === 'default' ? '' : `-H 'x-kiban-project: ${of.project}' `
  return [
    {
      language: 'curl',
      title: 'curl, plain rows',
      code: `curl -s ${of.urls.rows} -H 'content-type: application/json' \\\n  -d ${shell(rows)}`,
    },
    {
      language: 'curl',
      title: 'curl, Open Inference Protocol',
      code: `curl -s ${of.urls.rest} -H 'content-type: application/json' \\\n  -d ${shell(request)}`,
    },
    {
      language: 'python',
      title: 'Python, standard library',
      code: `import json, urllib.request\n\nbody = ${python(rows)}\nrequest = urllib.request.Request(\n    "${of.urls.rows}", data=json.dumps(body).encode(), headers={"content-type": "application/json"}\n)\nprint(json.load(urllib.request.urlopen(request))["predictions"])`,
    },
    {
      language: 'javascript',
      title: 'JavaScript',
      code: `const response = await ${CALL}('${of.urls.rows}', {\n  method: 'POST',\n  headers: { 'content-type': 'application/json' },\n  body: JSON.stringify(${rows}),\n})\nconsole.log((await response.json()).predictions)`,
    },
    { language: 'tritonclient', title: 'tritonclient', code: tritonSnippet(of) },
    {
      language: 'grpcurl',
      title: 'grpcurl',
      code: `grpcurl -plaintext -proto inference.proto ${grpcProject}\\\n  -d ${shell(JSON.stringify({ name: of.name }))} ${of.urls.grpc} inference.GRPCInferenceService/ModelMetadata`,
    },
  ]
}

function tritonSnippet(of: {
  name: string
  project: string
  urls: Urls
  signature: StoredSignature
  example: Example
}): string {
  const base = of.urls.fast.replace(/^http:\/\//, '').replace(/\/v2\/models\/.*$/, '')
  const lines = of.signature.inputs.map((input) => {
    const value = JSON.stringify(of.example.row[input.name]).replaceAll('null', 'float("nan")')
    return `    ("${input.name}", [[${value}]], "${input.datatype}", ${numpyType(input.datatype)}),`
  })
  return `import numpy as np, tritonclient.http as http\n\ncolumns = [\n${lines.join('\n')}\n]\ninputs = []\nfor name, value, datatype, dtype in columns:\n    array = np.array(value, dtype=dtype).reshape(1, -1)\n    tensor = http.InferInput(name, array.shape, datatype)\n    tensor.set_data_from_numpy(array)\n    inputs.append(tensor)\nresult = http.InferenceServerClient("${base}").infer("${of.name}", inputs)\nprint(result.as_numpy("${of.signature.outputs.at(-1)?.name ?? ''}"))`
}

function tensorOf(signature: StoredSignature, name: string, value: Json): Json {
  const input = signature.inputs.find((each) => each.name === name)
  if (!input) return { name, shape: [1], datatype: typeof value === 'number' ? 'FP64' : 'BYTES', data: [value] }
  return {
    name,
    shape: input.shape.map((size, i) => (i === 0 || size === -1 ? 1 : size)),
    datatype: input.datatype,
    data: Array.isArray(value) ? value : [value],
  }
}

function widthOf(input: TensorSpec): number {
  return input.shape.slice(1).reduce((product, size) => product * Math.max(1, size), 1)
}

function neutral(datatype: Datatype): Json {
  if (datatype === 'BYTES') return ''
  return datatype === 'BOOL' ? false : 0
}

function fieldSchema(spec: TensorSpec): { type: Json; items?: Json; minItems?: number; maxItems?: number } {
  const width = widthOf(spec)
  const type: Json =
    spec.datatype === 'BYTES'
      ? 'string'
      : spec.datatype === 'BOOL'
        ? 'boolean'
        : spec.datatype.startsWith('FP')
          ? ['number', 'null']
          : 'integer'
  return width === 1 ? { type } : { type: 'array', items: { type }, minItems: width, maxItems: width }
}

function numpyType(datatype: Datatype): string {
  if (datatype === 'BYTES') return 'object'
  const names: Partial<Record<Datatype, string>> = { FP16: 'float16', FP32: 'float32', FP64: 'float64', BOOL: 'bool' }
  return `np.${names[datatype] ?? datatype.toLowerCase()}`
}
