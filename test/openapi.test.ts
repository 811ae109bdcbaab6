import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { openApi } from '../apps/server/src/modules/system/openapi.ts'

test('the description of the API is valid OpenAPI 3.1, and its operations have unique names', async () => {
  const description = openApi('0.0.0')
  const result = await new Validator().validate(JSON.parse(JSON.stringify(description)))
  expect(result.valid, JSON.stringify(result.errors)?.slice(0, 2000)).toBe(true)
  const names = Object.values(description.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
    (path) => Object.values(path).map((operation) => operation.operationId),
  )
  expect(names.length).toBeGreaterThan(50)
  expect(new Set(names).size).toBe(names.length)
})
