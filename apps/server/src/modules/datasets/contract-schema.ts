/**
 * The part of ODCS 3.1 (Open Data Contract Standard, https://bitol-io.github.io/open-data-contract-standard/v3.1.0/) that Kiban executes.
 * What only documents (team, roles, price, support, …) is accepted and kept; what would have to be executed and is not, is refused.
 */
import { z } from 'zod'

const documentary = z.unknown().optional()
const CustomProperty = z.object({ property: z.string(), value: z.unknown() })
export const Scalar = z.union([z.string(), z.number(), z.boolean()])
export type Scalar = z.infer<typeof Scalar>

const OPERATORS = {
  mustBe: z.number().optional(),
  mustNotBe: z.number().optional(),
  mustBeGreaterThan: z.number().optional(),
  mustBeGreaterOrEqualTo: z.number().optional(),
  mustBeLessThan: z.number().optional(),
  mustBeLessOrEqualTo: z.number().optional(),
  mustBeBetween: z.tuple([z.number(), z.number()]).optional(),
  mustNotBeBetween: z.tuple([z.number(), z.number()]).optional(),
}
export const OPERATOR_NAMES = Object.keys(OPERATORS)

/** Rules that no library metric can say; `type: custom`, `engine: kiban`. */
export const KibanRule = z.union([
  /** Rows for which the SQL condition is true are violations. `column`: whose value is set to null on quarantine; else the row is held back. */
  z.strictObject({ failing: z.string().min(1), column: z.string().optional() }),
  /**
   * Groups whose `value` (an SQL aggregate) misses the operator are violations. `complete` also expects the groups that are absent: every
   * day of the named group column, for each combination of the others, from the first to the last day (or whole months).
   */
  z.strictObject({
    groupBy: z.array(z.string().min(1)).min(1),
    value: z.string().min(1).default('count(*)'),
    unit: z.string().default('groups'),
    complete: z.strictObject({ column: z.string(), within: z.enum(['data', 'month']).default('data') }).optional(),
  }),
])
export type KibanRule = z.infer<typeof KibanRule>

const QUALITY_BASE = {
  id: z.string().optional(),
  name: z.string().optional(),
  description: z.string().optional(),
  dimension: documentary,
  method: documentary,
  businessImpact: documentary,
  authoritativeDefinitions: documentary,
  tags: documentary,
  unit: z.enum(['rows', 'percent']).optional(),
  severity: z.enum(['error', 'warn', 'warning', 'info', 'high', 'medium', 'low', 'critical']).optional(),
  customProperties: z.array(CustomProperty).optional(),
  ...OPERATORS,
}

const Metric = z.enum(['nullValues', 'missingValues', 'invalidValues', 'duplicateValues', 'rowCount'])

export const Quality = z.strictObject({
  ...QUALITY_BASE,
  type: z.enum(['library', 'sql', 'custom', 'text']).optional(),
  metric: Metric.optional(),
  /** The name of `metric` before 3.1. */
  rule: Metric.optional(),
  arguments: z
    .strictObject({
      missingValues: z.array(z.union([Scalar, z.null()])).optional(),
      validValues: z.array(Scalar).optional(),
      pattern: z.string().optional(),
      properties: z.array(z.string()).min(1).optional(),
    })
    .optional(),
  /** Also accepted outside `arguments`: the standard's own example has it there. */
  pattern: z.string().optional(),
  validValues: z.array(Scalar).optional(),
  query: z.string().min(1).optional(),
  engine: z.string().optional(),
  implementation: z.unknown().optional(),
})
export type Quality = z.infer<typeof Quality>

const LogicalTypeOptions = z.strictObject({
  minimum: Scalar.optional(),
  maximum: Scalar.optional(),
  exclusiveMinimum: Scalar.optional(),
  exclusiveMaximum: Scalar.optional(),
  multipleOf: z.number().positive().optional(),
  minLength: z.number().int().nonnegative().optional(),
  maxLength: z.number().int().nonnegative().optional(),
  pattern: z.string().optional(),
  format: documentary,
  timezone: documentary,
  defaultTimezone: documentary,
})

export const Property = z.strictObject({
  name: z.string().min(1),
  id: documentary,
  physicalType: documentary,
  physicalName: documentary,
  description: documentary,
  businessName: documentary,
  tags: documentary,
  examples: documentary,
  classification: documentary,
  encryptedName: documentary,
  criticalDataElement: documentary,
  transformSourceObjects: documentary,
  transformLogic: documentary,
  transformDescription: documentary,
  authoritativeDefinitions: documentary,
  partitioned: documentary,
  partitionKeyPosition: documentary,
  logicalType: z
    .enum(['string', 'date', 'timestamp', 'time', 'number', 'integer', 'object', 'array', 'boolean'])
    .optional(),
  logicalTypeOptions: LogicalTypeOptions.optional(),
  required: z.boolean().optional(),
  unique: z.boolean().optional(),
  primaryKey: z.boolean().optional(),
  primaryKeyPosition: z.number().int().optional(),
  quality: z.array(Quality).optional(),
  customProperties: z.array(CustomProperty).optional(),
})
export type Property = z.infer<typeof Property>

export const SchemaObject = z.strictObject({
  name: z.string().min(1),
  id: documentary,
  physicalName: documentary,
  physicalType: documentary,
  logicalType: z.literal('object').optional(),
  description: documentary,
  businessName: documentary,
  dataGranularityDescription: documentary,
  authoritativeDefinitions: documentary,
  tags: documentary,
  properties: z.array(Property).default([]),
  quality: z.array(Quality).optional(),
  customProperties: z.array(CustomProperty).optional(),
})
export type SchemaObject = z.infer<typeof SchemaObject>

export const OdcsDocument = z.strictObject({
  apiVersion: z.string().regex(/^v3\.[01]\.\d+$/, 'Kiban reads ODCS v3.0 and v3.1: write apiVersion: v3.1.0'),
  kind: z.literal('DataContract'),
  id: z.string().min(1),
  version: z.union([z.string(), z.number()]),
  status: z.string(),
  name: documentary,
  tenant: documentary,
  domain: documentary,
  dataProduct: documentary,
  description: documentary,
  authoritativeDefinitions: documentary,
  tags: documentary,
  team: documentary,
  roles: documentary,
  support: documentary,
  price: documentary,
  servers: documentary,
  slaProperties: documentary,
  slaDefaultElement: documentary,
  contractCreatedTs: documentary,
  schema: z.array(SchemaObject).min(1),
  customProperties: z.array(CustomProperty).optional(),
})
export type OdcsDocument = z.infer<typeof OdcsDocument>
