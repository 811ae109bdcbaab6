/**
 * The language of `kiban.yaml` (design: project-file.md): its schema, its parser with every error placed and explained, its expressions,
 * and the rewriting that keeps values out of scripts. Pure: reads nothing, starts nothing.
 */
export { ProjectFile, projectFileJsonSchema } from './project-file/schema.ts'
export { parseProjectFile } from './project-file/parse.ts'
export type { ParseOptions, ParseResult } from './project-file/parse.ts'
export { errorSentence, renderFileErrors } from './project-file/file-error.ts'
export type { FileError } from './project-file/file-error.ts'
export {
  addDuration,
  ARTIFACT_TYPES,
  durationMs,
  looksLikeUri,
  parseDuration,
  parseSize,
  parseUri,
  sameName,
} from './project-file/scalars.ts'
export type { DurationParts, Uri } from './project-file/scalars.ts'
export { ENVIRONMENT_KINDS } from './project-file/data-schema.ts'
export type { DatasetSpec, EnvironmentSpec } from './project-file/data-schema.ts'
export { STEP_KINDS, TRIGGER_KINDS } from './project-file/pipeline-schema.ts'
export type {
  Defaults,
  OutputSpec,
  ParamSpec,
  PipelineSpec,
  ResourcesSpec,
  RetryRule,
  SpaceEntry,
  StepSpec,
  SweepSpec,
  TriggerSpec,
} from './project-file/pipeline-schema.ts'
export { SIGNALS } from './project-file/serving-schema.ts'
export type {
  CheckSpec,
  EndpointSpec,
  GateSpec,
  LoopSpec,
  ModelSpec,
  MonitorSpec,
  RolloutSpec,
  SignalSpec,
} from './project-file/serving-schema.ts'
export { ExpressionError, parseExpression, references } from './project-file/expression.ts'
export type { Expr } from './project-file/expression.ts'
export { evaluate } from './project-file/evaluate.ts'
export type { EvaluationOptions, Scope } from './project-file/evaluate.ts'
export { hasExpression, parseTemplate, renderTemplate, renderValue } from './project-file/template.ts'
export type { TemplatePart } from './project-file/template.ts'
export { rewriteScript } from './project-file/shell.ts'
export type { SafeScript } from './project-file/shell.ts'
export { planScope } from './project-file/plan-values.ts'
export { findCycle, stepNeeds } from './project-file/step-needs.ts'
export type { StepNeeds } from './project-file/step-needs.ts'
export { pathMark, pathText, renderCommand, renderText } from './project-file/command.ts'
export type { Command, PathText } from './project-file/command.ts'
