/**
 * Every error code of `/api/v1` with its HTTP status: a closed table. Codes are `<noun>_<what>`; each is thrown somewhere
 * (checked by test/architecture.test.ts). Keep the groups and the alphabet.
 */
export const ERRORS = {
  // any endpoint
  bad_request: 400,
  conflict: 409,
  forbidden: 403,
  host_not_allowed: 403,
  internal: 500,
  not_found: 404,
  origin_not_allowed: 403,
  payload_too_large: 413,
  rate_limited: 429,
  signed_out: 401,
  unsupported_media_type: 415,
  // projects
  project_exists: 409,
  project_not_found: 404,
  project_file_invalid: 422,
  revision_not_found: 404,
  // lineage
  lineage_node_not_found: 404,
  // secrets
  secret_not_found: 404,
  // environments
  environment_invalid: 422,
  environment_not_failed: 409,
  environment_not_found: 404,
  // jobs
  job_attempt_not_found: 404,
  job_invalid: 422,
  job_not_found: 404,
  // monitors
  alert_not_found: 404,
  alert_resolved: 409,
  monitor_feature_not_found: 404,
  monitor_not_found: 404,
  monitor_window_not_found: 404,
  notification_not_found: 404,
  // loops
  loop_firing_ended: 409,
  loop_firing_not_found: 404,
  loop_not_found: 404,
  // datasets
  contract_invalid: 422,
  dataset_archived: 409,
  dataset_blob_mismatch: 422,
  dataset_blob_missing: 422,
  dataset_file_not_found: 404,
  dataset_no_contract: 409,
  dataset_not_found: 404,
  dataset_not_table: 422,
  dataset_not_usable: 409,
  dataset_source_unsupported: 422,
  dataset_tag_not_found: 404,
  dataset_version_conflict: 409,
  dataset_version_not_found: 404,
  // pipelines
  pipeline_input_unresolved: 422,
  pipeline_not_found: 404,
  pipeline_params_invalid: 422,
  pipeline_run_active: 409,
  pipeline_run_ended: 409,
  pipeline_run_not_found: 404,
  pipeline_run_succeeded: 409,
  pipeline_step_not_found: 404,
  // tuning
  sweep_not_found: 404,
  // tracking
  artifact_not_found: 404,
  experiment_exists: 409,
  experiment_not_found: 404,
  filter_invalid: 422,
  run_deleted: 409,
  run_not_found: 404,
  tracking_invalid: 422,
  // models
  alias_moved: 409,
  alias_not_found: 404,
  alias_protected: 409,
  approval_not_awaited: 409,
  evidence_changed: 409,
  gate_not_passed: 409,
  model_exists: 409,
  model_not_found: 404,
  model_source_invalid: 422,
  model_version_not_found: 404,
  model_version_not_usable: 409,
  nothing_to_roll_back_to: 409,
} as const satisfies Record<string, number>

export type ErrorCode = keyof typeof ERRORS
